// Added tokens: words such as [MASK] that are one token wherever a text has them, whatever the vocabulary's pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct AddedToken {
  std::string content;
  std::int64_t id = 0;
  bool single_word = false;         ///< not inside a longer word
  bool strip_left = false;          ///< takes the white space before it away
  bool strip_right = false;         ///< and that after it
  bool in_normalized_text = false;  ///< looked for after the text was normalized
};

class AddedTokens {
 public:
  AddedTokens() = default;
  /// Of several that begin at one place the longest is found.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  struct Part {
    std::string_view text;
    std::optional<std::int64_t> id;  ///< none: text between tokens
    std::size_t begin = 0;           ///< in what was cut
  };
  /// Cuts a text at the tokens in it. What has no characters is left out.
  [[nodiscard]] std::vector<Part> cut(std::string_view text) const;

 private:
  [[nodiscard]] const AddedToken* longest_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;  ///< by first byte; longer ones before shorter ones
  std::vector<std::size_t> begin_;  ///< of the tokens with each first byte, and one past the last
};

}  // namespace tessera
