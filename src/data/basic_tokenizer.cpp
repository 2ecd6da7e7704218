#include "data/basic_tokenizer.hpp"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

/// Collects words character by character.
class Words {
 public:
  void add(std::string_view character) { word_ += character; }
  void end() {
    if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
  }
  void add_alone(std::string_view character) {
    end();
    words_.emplace_back(character);
  }
  std::vector<std::string> take() {
    end();
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

// ---- ASCII, which most text is ------------------------------------------------------------------------------------

constexpr bool ascii_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
constexpr bool ascii_control(char c) {
  return c < ' ' || c == '\x7f';
}
/// All that is neither letter nor digit, symbols too: $ and ^ count as punctuation here, though Unicode says otherwise.
constexpr bool ascii_punctuation(UChar32 c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

std::vector<std::string> ascii_words(std::string_view text, bool lower_case) {
  Words words;
  for (char c : text) {
    if (ascii_space(c)) {
      words.end();
    } else if (ascii_punctuation(c)) {
      words.add_alone({&c, 1});
    } else if (!ascii_control(c)) {
      if (lower_case && c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
      words.add({&c, 1});
    }
  }
  return words.take();
}

// ---- everything else ------------------------------------------------------------------------------------------------

bool has_category(UChar32 c, std::uint32_t mask) {
  return ((1U << static_cast<unsigned>(u_charType(c))) & mask) != 0;
}

bool is_space(UChar32 c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || u_isUWhiteSpace(c) != 0;
}

/// The blocks that hold Chinese characters, also where Japanese and Korean use them; kana and hangul are not among
/// them.
bool is_ideograph(UChar32 c) {
  using Range = std::pair<UChar32, UChar32>;
  static constexpr std::array<Range, 8> blocks{Range{0x4e00, 0x9fff}, {0x3400, 0x4dbf},   {0x20000, 0x2a6df},
                                               {0x2a700, 0x2b73f},    {0x2b740, 0x2b81f}, {0x2b820, 0x2ceaf},
                                               {0xf900, 0xfaff},      {0x2f800, 0x2fa1f}};
  return std::any_of(blocks.begin(), blocks.end(),
                     [c](const Range& block) { return c >= block.first && c <= block.second; });
}

template <typename Use>
void for_each_character(const icu::UnicodeString& text, Use use) {
  for (std::int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) use(text.char32At(i));
}

std::optional<icu::UnicodeString> from_utf8(std::string_view text) {
  icu::UnicodeString result;
  // No UTF-8 text has more UTF-16 units than bytes.
  const auto capacity = static_cast<std::int32_t>(text.size());
  std::int32_t length = 0;
  UErrorCode code = U_ZERO_ERROR;
  u_strFromUTF8(result.getBuffer(capacity), capacity, &length, text.data(), capacity, &code);
  result.releaseBuffer(U_SUCCESS(code) ? length : 0);
  if (U_FAILURE(code)) return std::nullopt;
  return result;
}

/// Without control characters; every kind of space is one space; ideographs stand between spaces.
icu::UnicodeString cleaned(const icu::UnicodeString& text, bool split_chinese) {
  icu::UnicodeString result;
  for_each_character(text, [&](UChar32 c) {
    if (is_space(c) && !(has_category(c, U_GC_C_MASK) && c != '\t' && c != '\n' && c != '\r')) {
      result.append(u' ');
    } else if (c == 0xfffd || has_category(c, U_GC_C_MASK)) {
      return;
    } else if (split_chinese && is_ideograph(c)) {
      result.append(u' ').append(c).append(u' ');
    } else {
      result.append(c);
    }
  });
  return result;
}

icu::UnicodeString without_accents(const icu::UnicodeString& text) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(code);
  if (U_FAILURE(code)) fail("text", std::string("no Unicode normalisation (") + u_errorName(code) + ")");
  const icu::UnicodeString decomposed = nfd->normalize(text, code);
  if (U_FAILURE(code)) fail("text", std::string("Unicode normalisation failed (") + u_errorName(code) + ")");
  icu::UnicodeString result;
  for_each_character(decomposed, [&](UChar32 c) {
    if (!has_category(c, U_GC_MN_MASK)) result.append(c);
  });
  return result;
}

}  // namespace

std::optional<std::vector<std::string>> BasicTokenizer::words(std::string_view text) const {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return ascii_words(text, lower_case);
  const std::optional<icu::UnicodeString> unicode = from_utf8(text);
  if (!unicode) return std::nullopt;
  icu::UnicodeString clean = cleaned(*unicode, split_chinese);
  if (lower_case) clean.toLower(icu::Locale::getRoot());
  if (strip_accents) clean = without_accents(clean);
  Words words;
  std::string utf8;
  for_each_character(clean, [&](UChar32 c) {
    utf8.clear();
    icu::UnicodeString(c).toUTF8String(utf8);
    if (is_space(c)) {
      words.end();
    } else if (ascii_punctuation(c) || has_category(c, U_GC_P_MASK)) {
      words.add_alone(utf8);
    } else {
      words.add(utf8);
    }
  });
  return words.take();
}

}  // namespace tessera
