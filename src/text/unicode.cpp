#include "text/unicode.hpp"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>

#include "core/error.hpp"

namespace tessera {
namespace {

/// Of one of the categories in `mask` and as old as Unicode `newest`. A few characters have changed theirs since: see
/// below.
bool has_category(char32_t c, std::uint32_t mask, std::uint8_t newest = 8) {
  const auto code = static_cast<UChar32>(c);
  if ((U_MASK(u_charType(code)) & mask) == 0) return false;
  if (c < 0x7fd && c != 0x61d) return true;  // those are newer
  UVersionInfo age;
  u_charAge(code, age);
  return age[0] <= newest;
}

/// The forms of the Unicode that the tokenizers know: newer characters stay as they are.
class Normalizers {
 public:
  Normalizers() {
    UErrorCode code = U_ZERO_ERROR;
    known_ = icu::UnicodeSet(u"[:Age=11.0:]", code);
    const std::array plain{icu::Normalizer2::getNFCInstance(code), icu::Normalizer2::getNFDInstance(code),
                           icu::Normalizer2::getNFKCInstance(code), icu::Normalizer2::getNFKDInstance(code)};
    if (U_FAILURE(code)) fail("text", std::string("no Unicode normalisation (") + u_errorName(code) + ")");
    known_.freeze();
    if (known_.isBogus()) throw std::bad_alloc();
    for (std::size_t i = 0; i < plain.size(); ++i) forms_[i].emplace(*plain[i], known_);
  }
  [[nodiscard]] const icu::Normalizer2& operator[](UnicodeForm form) const {
    return *forms_[static_cast<std::size_t>(form)];
  }

 private:
  icu::UnicodeSet known_;
  std::array<std::optional<icu::FilteredNormalizer2>, 4> forms_;  ///< in the order of UnicodeForm
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  UErrorCode code = U_ZERO_ERROR;
  std::int32_t length = 0;
  u_strFromUTF8(nullptr, 0, &length, text.data(), static_cast<std::int32_t>(text.size()), &code);
  return code == U_BUFFER_OVERFLOW_ERROR;  // nothing was wrong but that there was no room for the result
}

std::size_t character_count(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), begins_character));
}

char32_t first_character(std::string_view utf8) {
  std::int32_t at = 0;
  UChar32 c = 0;
  U8_NEXT_UNSAFE(utf8.data(), at, c);
  return static_cast<char32_t>(c);
}

void append_character(std::string& utf8, char32_t c) {
  char bytes[U8_MAX_LENGTH];
  std::int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, c);
  utf8.append(bytes, static_cast<std::size_t>(length));
}

bool is_space(char32_t c) {
  return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

bool is_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return has_category(c, U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK);
}

bool is_punctuation(char32_t c) {
  if (c < 0x80) return c > ' ' && c < 0x7f && u_isalnum(static_cast<UChar32>(c)) == 0;
  return c == 0x166d || c == 0x111c9 || has_category(c, U_GC_P_MASK);
}

bool is_number(char32_t c) {
  return (U_MASK(u_charType(static_cast<UChar32>(c))) & U_GC_N_MASK) != 0;
}

bool is_nonspacing_mark(char32_t c) {
  static constexpr std::array<char32_t, 4> not_yet{0x1885, 0x1886, 0xa9bd, 0x111c9};
  if (std::ranges::find(not_yet, c) != not_yet.end()) return false;
  return c == 0x1734 || has_category(c, U_GC_MN_MASK);
}

bool is_mark(char32_t c) {
  return c == 0x1cf2 || c == 0x1cf3 || (c != 0x111c9 && has_category(c, U_GC_M_MASK, 9));
}

std::string in_form(std::string_view utf8, UnicodeForm form) {
  if (is_ascii(utf8)) return std::string(utf8);
  static const Normalizers normalizers;
  UErrorCode code = U_ZERO_ERROR;
  const auto text = icu::UnicodeString::fromUTF8({utf8.data(), static_cast<std::int32_t>(utf8.size())});
  const icu::UnicodeString normalized = normalizers[form].normalize(text, code);
  // What ICU had no memory for is bogus, and reads as empty; not all of its functions say so.
  if (text.isBogus() || normalized.isBogus()) throw std::bad_alloc();
  if (U_FAILURE(code)) fail("text", std::string("Unicode normalisation failed (") + u_errorName(code) + ")");
  std::string result;
  normalized.toUTF8String(result);
  return result;
}

std::string lower_case(std::string_view utf8) {
  constexpr char32_t capital_i_with_dot = 0x130;  // the only one whose small form is two characters
  std::string result;
  result.reserve(utf8.size());
  for_each_character(utf8, [&](char32_t c, std::string_view) {
    if (c == capital_i_with_dot) {
      result += "i\xcc\x87";
    } else {
      append_character(result, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
    }
  });
  return result;
}

std::string_view stripped(std::string_view utf8, bool left, bool right) {
  while (left && !utf8.empty() && is_space(first_character(utf8))) utf8.remove_prefix(character_bytes(utf8[0]));
  while (right && !utf8.empty()) {
    std::size_t begin = utf8.size() - 1;
    while (!begins_character(utf8[begin])) --begin;
    if (!is_space(first_character(utf8.substr(begin)))) break;
    utf8.remove_suffix(utf8.size() - begin);
  }
  return utf8;
}

}  // namespace tessera
