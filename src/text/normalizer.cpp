#include "text/normalizer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tessera {
namespace {

/// The blocks that hold Chinese characters, also where Japanese and Korean use them; kana and hangul are not among
/// them.
bool is_ideograph(char32_t c) {
  using Range = std::pair<char32_t, char32_t>;
  static constexpr std::array<Range, 8> blocks{Range{0x4e00, 0x9fff}, {0x3400, 0x4dbf},   {0x20000, 0x2a6df},
                                               {0x2a700, 0x2b73f},    {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf},
                                               {0xf900, 0xfaff},      {0x2f800, 0x2fa1f}};
  return std::any_of(blocks.begin(), blocks.end(),
                     [c](const Range& block) { return c >= block.first && c <= block.second; });
}

std::string cleaned(std::string_view text) {
  constexpr char32_t replacement = 0xfffd;
  std::string result;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (c == 0 || c == replacement || is_control(c)) return;
    if (is_space(c)) {
      result += ' ';
    } else {
      result += bytes;
    }
  });
  return result;
}

std::string with_ideographs_apart(std::string_view text) {
  std::string result;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (is_ideograph(c)) {
      result.append(" ").append(bytes).append(" ");
    } else {
      result += bytes;
    }
  });
  return result;
}

template <typename Drop>
std::string without(std::string_view text, Drop drop) {
  std::string result;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (!drop(c)) result += bytes;
  });
  return result;
}

bool is_dropped_by_nmt(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

bool is_space_to_nmt(char32_t c) {
  static constexpr std::array<char32_t, 15> spaces{0x09,   0x0a,   0x0c,   0x0d,   0x1680, 0x200b, 0x200c, 0x200d,
                                                   0x200e, 0x200f, 0x2028, 0x2029, 0x2581, 0xfeff, 0xfffd};
  return std::find(spaces.begin(), spaces.end(), c) != spaces.end();
}

}  // namespace

std::string NormalizerSequence::normalized(std::string_view text) const {
  std::string result(text);
  for (const auto& part : parts_) result = part->normalized(result);
  return result;
}

std::string BertNormalizer::normalized(std::string_view text) const {
  std::string result(text);
  if (clean) result = cleaned(result);
  if (split_chinese) result = with_ideographs_apart(result);
  if (strip_accents) result = without(in_form(result, UnicodeForm::nfd), is_nonspacing_mark);
  return lower ? lower_case(result) : result;
}

std::string StripMarksNormalizer::normalized(std::string_view text) const {
  return without(text, is_mark);
}

std::string ReplaceNormalizer::normalized(std::string_view text) const {
  std::string result;
  std::size_t done = 0;
  for (const auto& [begin, end] : pattern_.matches(text)) {
    result.append(text.substr(done, begin - done)).append(content_);
    done = end;
  }
  return result.append(text.substr(done));
}

std::string NmtNormalizer::normalized(std::string_view text) const {
  std::string result;
  for_each_character(text, [&](char32_t c, std::string_view bytes) {
    if (is_dropped_by_nmt(c)) return;
    if (is_space_to_nmt(c)) {
      result += ' ';
    } else {
      result += bytes;
    }
  });
  return result;
}

}  // namespace tessera
