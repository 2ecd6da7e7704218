// Tokenizer: a text to the token ids that a model was trained with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.hpp"
#include "text/normalizer.hpp"
#include "text/pre_tokenizer.hpp"
#include "text/template.hpp"
#include "text/token_model.hpp"

namespace tessera {

/// What a tokenizer is made of.
struct TokenizerParts {
  std::unique_ptr<Normalizer> normalizer;       ///< null: texts are as they should be
  std::unique_ptr<PreTokenizer> pre_tokenizer;  ///< null: the text is one word
  std::unique_ptr<TokenModel> model;
  std::vector<AddedToken> added;
  TokenTemplate surroundings;
  std::int64_t padding = 0;       ///< id of the token that fills rows up
  std::int64_t max_tokens = 512;  ///< with those around the text
  bool keep_end = false;          ///< long texts lose their beginning, not their end
};

class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);

  /// A model's folder, or a tokenizer.json or vocab.txt in one, with what tokenizer_config.json and config.json beside
  /// it say. Error{invalid} naming the file and the part that is not known or makes no sense.
  static Tokenizer read(const std::string& path);

  /// The tokens of a text with those that stand around it, cut to at most `limit` and max_tokens. Nothing when the text
  /// is not UTF-8.
  [[nodiscard]] std::optional<Encoding> encode(std::string_view text, std::int64_t limit) const;
  /// Of two texts that a model reads together; the longer one is cut first.
  [[nodiscard]] std::optional<Encoding> encode(std::string_view first, std::string_view second,
                                               std::int64_t limit) const;

  [[nodiscard]] std::int64_t padding() const noexcept { return parts_.padding; }
  [[nodiscard]] std::int64_t max_tokens() const noexcept { return parts_.max_tokens; }

 private:
  using Ids = std::vector<std::int64_t>;

  /// Without those around it; stops when there are more than `enough`, unless the end is what counts.
  [[nodiscard]] Ids tokens(std::string_view text, std::size_t enough) const;
  void cut(Ids& ids, std::size_t most) const;
  /// How many tokens of texts there is room for.
  [[nodiscard]] std::size_t room(std::int64_t limit, std::size_t added) const;

  TokenizerParts parts_;
  AddedTokens in_text_, in_normalized_;
};

}  // namespace tessera
