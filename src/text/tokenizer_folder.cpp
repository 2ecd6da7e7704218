// Tokenizer::read: the files of a model's folder that say how its texts become tokens.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "formats/json_object.hpp"
#include "text/text_lines.hpp"
#include "text/tokenizer_json.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* as_saved = "write what the model's tokenizer saves";

struct Companions {
  explicit Companions(const fs::path& folder)
      : tokenizer(JsonObject::if_there((folder / "tokenizer_config.json").string())),
        model(JsonObject::if_there((folder / "config.json").string())),
        sentences(JsonObject::if_there((folder / "sentence_bert_config.json").string())) {}

  JsonObject tokenizer;  ///< tokenizer_config.json
  JsonObject model;      ///< config.json
  JsonObject sentences;  ///< sentence_bert_config.json, of sentence-transformers
};

/// A token is a string, or an object with one as its content.
std::string token_named(const JsonObject& config, const char* key, const std::string& missing) {
  const JsonValue* const entry = config.find(key);
  if (entry == nullptr) return missing;
  return entry->is_object() ? config.object(key).text("content", missing) : config.text(key);
}

/// How many tokens the model has positions for; those that skip padding begin after its id.
std::optional<std::int64_t> positions_of(const JsonObject& model) {
  if (!model.has("max_position_embeddings")) return std::nullopt;
  const std::int64_t positions = model.count("max_position_embeddings");
  static constexpr std::array skip_padding{"roberta", "xlm-roberta", "camembert", "mpnet"};
  if (std::ranges::find(skip_padding, model.text("model_type")) == skip_padding.end()) return positions;
  return positions - model.token("pad_token_id", 1) - 1;
}

std::int64_t max_tokens_of(const Companions& files) {
  if (files.sentences.has("max_seq_length")) return files.sentences.count("max_seq_length");
  std::int64_t most = positions_of(files.model).value_or(512);
  // Huge numbers stand for "no limit".
  const double length = files.tokenizer.number("model_max_length", static_cast<double>(most));
  if (length < 2) files.tokenizer.reject_entry("model_max_length", "is not a number of tokens", as_saved);
  return length < static_cast<double>(most) ? static_cast<std::int64_t>(length) : most;
}

/// A token with an id of its own, or one of the vocabulary.
std::optional<std::int64_t> id_of(const TokenizerParts& parts, const std::string& token) {
  for (const AddedToken& added : parts.added)
    if (added.content == token) return added.id;
  return parts.model->id_of(token);
}

std::int64_t id_in_vocabulary(const Vocabulary& vocabulary, const std::string& token, const std::string& origin) {
  const auto id = vocabulary.find(token);
  if (!id) reject(origin, "has no token " + token, "give the vocabulary of a BERT model, one token per line");
  return *id;
}

/// BERT's, which vocab.txt and a few flags describe.
TokenizerParts read_vocabulary(const std::string& path, const JsonObject& config) {
  using Kind = TemplatePart::Kind;
  const TextLines lines(path);
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < lines.size(); ++i) vocabulary.add(std::string(lines[i]), static_cast<std::int64_t>(i));

  TokenizerParts parts;
  auto normalizer = std::make_unique<BertNormalizer>();
  normalizer->lower = config.flag("do_lower_case", true);
  normalizer->strip_accents = config.flag("strip_accents", normalizer->lower);
  normalizer->split_chinese = config.flag("tokenize_chinese_chars", true);
  parts.normalizer = std::move(normalizer);
  parts.pre_tokenizer = std::make_unique<BertPreTokenizer>();

  const std::string unknown = token_named(config, "unk_token", "[UNK]"),
                    first = token_named(config, "cls_token", "[CLS]"), end = token_named(config, "sep_token", "[SEP]");
  const std::int64_t first_id = id_in_vocabulary(vocabulary, first, path),
                     end_id = id_in_vocabulary(vocabulary, end, path);
  parts.surroundings = {{{Kind::token, first_id, 0}, {Kind::first, 0, 0}, {Kind::token, end_id, 0}},
                        {{Kind::token, first_id, 0},
                         {Kind::first, 0, 0},
                         {Kind::token, end_id, 0},
                         {Kind::second, 0, 1},
                         {Kind::token, end_id, 1}}};
  for (const std::string& token :
       {unknown, first, end, token_named(config, "pad_token", "[PAD]"), token_named(config, "mask_token", "[MASK]")})
    if (const auto id = vocabulary.find(token)) parts.added.push_back({.content = token, .id = *id});
  WordPiece::Options options;
  options.unknown = id_in_vocabulary(vocabulary, unknown, path);
  parts.model = std::make_unique<WordPiece>(std::move(vocabulary), options);
  return parts;
}

/// The file of a folder that says most.
std::string file_in(const fs::path& folder) {
  std::error_code error;
  for (const char* name : {"tokenizer.json", "vocab.txt"})
    if (fs::exists(folder / name, error)) return (folder / name).string();
  reject(folder.string(), "has neither tokenizer.json nor vocab.txt, which turn text into the model's token ids",
         "save the tokenizer beside the model: AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER)");
}

}  // namespace

Tokenizer Tokenizer::read(const std::string& path) {
  std::error_code error;
  const std::string file = fs::is_directory(path, error) ? file_in(path) : path;
  const Companions files(fs::path(file).parent_path());
  const bool json = file.ends_with(".json");
  std::optional<JsonObject> tokenizer;
  if (json) tokenizer.emplace(file);
  TokenizerParts parts = json ? parse_tokenizer(*tokenizer) : read_vocabulary(file, files.tokenizer);
  if (const auto id = id_of(parts, token_named(files.tokenizer, "pad_token", "[PAD]"))) {
    parts.padding = *id;
  } else if (json && tokenizer->has("padding")) {
    parts.padding = tokenizer->object("padding").token("pad_id", 0);
  } else {
    parts.padding = files.model.token("pad_token_id", 0);
  }
  parts.max_tokens = max_tokens_of(files);
  parts.keep_end = files.tokenizer.text("truncation_side") == "left";
  return Tokenizer(std::move(parts));
}

}  // namespace tessera
