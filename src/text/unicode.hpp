// Characters of UTF-8 texts and their kinds, as the tokenizers of Hugging Face see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

bool is_utf8(std::string_view text);

/// Bytes of the character that begins with this one, in valid UTF-8.
constexpr std::size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
constexpr bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}
std::size_t character_count(std::string_view utf8);

/// The character that `utf8`, valid and not empty, begins with.
char32_t first_character(std::string_view utf8);
void append_character(std::string& utf8, char32_t c);

/// use(character, its bytes) for each, in order.
template <typename Use>
void for_each_character(std::string_view utf8, Use use) {
  for (std::size_t at = 0; at < utf8.size();) {
    const std::string_view bytes = utf8.substr(at, character_bytes(utf8[at]));
    use(first_character(bytes), bytes);
    at += bytes.size();
  }
}

// ---- kinds of characters ------------------------------------------------------------------------------------------
// The tokenizers that models are trained with know the categories of Unicode 8 (9 for marks of any kind, today's for
// space and numbers): newer characters are of no kind.

bool is_space(char32_t c);        ///< Unicode's White_Space
bool is_control(char32_t c);      ///< controls, formats, private use; not TAB, LF and CR
bool is_punctuation(char32_t c);  ///< Unicode's, and all of ASCII that is neither letter nor digit
bool is_number(char32_t c);       ///< digits, letters and others that stand for numbers
bool is_nonspacing_mark(char32_t c);
bool is_mark(char32_t c);  ///< of any kind

// ---- forms of texts -----------------------------------------------------------------------------------------------

enum class UnicodeForm : std::uint8_t { nfc, nfd, nfkc, nfkd };

/// Characters newer than Unicode 11 stay as they are, as in the tokenizers that models are trained with.
std::string in_form(std::string_view utf8, UnicodeForm form);
/// Each character on its own: a sigma at the end of a word becomes the usual small one.
std::string lower_case(std::string_view utf8);
/// Without white space at the ends that are named.
std::string_view stripped(std::string_view utf8, bool left = true, bool right = true);

}  // namespace tessera
