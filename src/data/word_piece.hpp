// WordPiece: text to the token ids of a BERT vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/basic_tokenizer.hpp"

namespace tessera {

struct WordPieceOptions {
  BasicTokenizer basic;
  std::string unknown = "[UNK]", first = "[CLS]", last = "[SEP]", padding = "[PAD]";
  std::int64_t max_tokens = 512;  ///< with the first and the last
};

class WordPiece {
 public:
  /// `vocabulary` in the order of ids; `origin` stands for it in messages. Error{invalid} when a special token is
  /// missing.
  WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options, const std::string& origin);
  WordPiece(WordPiece&&) = default;
  WordPiece& operator=(WordPiece&&) = default;
  WordPiece(const WordPiece&) = delete;  // the tables point into the vocabulary
  WordPiece& operator=(const WordPiece&) = delete;

  /// vocab.txt, one token per line, and what tokenizer_config.json and config.json beside it say.
  static WordPiece read(const std::string& vocabulary_path);

  /// First token, the pieces of all words, last token; cut to at most `limit` (and max_tokens). A word that cannot be
  /// put together from pieces is the unknown token. Nothing when the text is not UTF-8.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> encode(std::string_view text, std::int64_t limit) const;

  [[nodiscard]] std::int64_t padding() const noexcept { return padding_; }
  [[nodiscard]] std::int64_t max_tokens() const noexcept { return options_.max_tokens; }

 private:
  using Table = std::unordered_map<std::string_view, std::int64_t>;

  [[nodiscard]] std::int64_t id_of(const std::string& token, const std::string& origin) const;
  void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const;

  std::vector<std::string> vocabulary_;
  WordPieceOptions options_;
  Table beginnings_, continuations_;  ///< the latter without their "##"
  std::size_t longest_ = 0;           ///< bytes of the longest token
  std::int64_t unknown_ = 0, first_ = 0, last_ = 0, padding_ = 0;
};

}  // namespace tessera
