// Text to words as BERT sees them, before WordPiece cuts those up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct BasicTokenizer {
  bool lower_case = true;
  bool strip_accents = true;
  bool split_chinese = true;  ///< every CJK ideograph is a word

  /// The words of a text, UTF-8: control characters dropped, split at white space, each punctuation character a word.
  /// Nothing when the text is not valid UTF-8.
  [[nodiscard]] std::optional<std::vector<std::string>> words(std::string_view text) const;
};

}  // namespace tessera
