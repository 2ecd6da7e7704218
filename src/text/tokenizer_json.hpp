// The parts of tokenizer.json, the file in which Hugging Face's `tokenizers` keeps a tokenizer.
#pragma once

#include <memory>

#include "formats/json_object.hpp"
#include "text/tokenizer.hpp"

namespace tessera {

// Each takes the object of its part. Error{invalid} naming the file and what in it is not known.
std::unique_ptr<Normalizer> parse_normalizer(const JsonObject& json);
std::unique_ptr<PreTokenizer> parse_pre_tokenizer(const JsonObject& json);
std::unique_ptr<TokenModel> parse_token_model(const JsonObject& json);
TokenTemplate parse_template(const JsonObject& json);
std::vector<AddedToken> parse_added_tokens(const JsonObject& tokenizer);

/// The whole file; padding and max_tokens are for others to say.
TokenizerParts parse_tokenizer(const JsonObject& json);

[[noreturn]] void reject_part(const JsonObject& json, const char* part);
Pattern parse_pattern(const JsonObject& json, const char* key);

}  // namespace tessera
