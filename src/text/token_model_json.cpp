// parse_token_model: the vocabulary of tokenizer.json.
#include <string_view>

#include "text/tokenizer_json.hpp"

namespace tessera {
namespace {

constexpr const char* again = "download the file again";

/// {"piece": id, ...}
Vocabulary parse_vocabulary(const JsonObject& json) {
  const JsonObject entries = json.object("vocab");
  Vocabulary vocabulary;
  for (const auto& [piece, id] : entries.json().members()) {
    const auto number = id.integer();
    if (!number || *number < 0) json.reject_entry("vocab", "has an id that is no number", again);
    vocabulary.add(piece, *number);
  }
  return vocabulary;
}

/// The id of a piece that an entry names, where it names one.
std::optional<std::int64_t> id_named(const JsonObject& json, const char* key, const Vocabulary& vocabulary) {
  if (!json.has(key)) return std::nullopt;
  const std::string piece = json.text(key);
  const auto id = vocabulary.find(piece);
  if (!id) json.reject_entry(key, "is " + piece + ", which the vocabulary lacks", again);
  return id;
}

std::unique_ptr<TokenModel> parse_word_piece(const JsonObject& json) {
  Vocabulary vocabulary = parse_vocabulary(json);
  WordPiece::Options options;
  const auto unknown = id_named(json, "unk_token", vocabulary);
  if (!unknown) json.reject_entry("unk_token", "is missing", again);
  options.unknown = *unknown;
  options.continued = json.text("continuing_subword_prefix", options.continued);
  options.longest_word = static_cast<std::size_t>(json.count("max_input_chars_per_word", 100));
  return std::make_unique<WordPiece>(std::move(vocabulary), std::move(options));
}

/// "left right" in older files, ["left", "right"] in newer ones.
std::pair<std::string, std::string> parse_merge(const JsonObject& json, const JsonValue& merge) {
  if (merge.is_array() && merge.elements().size() == 2 && merge.at(0).is_string() && merge.at(1).is_string())
    return {merge.at(0).string(), merge.at(1).string()};
  if (merge.is_string()) {
    const std::string& text = merge.string();
    if (const std::size_t space = text.find(' '); space != std::string::npos && space + 1 < text.size())
      return {text.substr(0, space), text.substr(space + 1)};
  }
  json.reject_entry("merges", "holds something that is no pair of pieces", again);
}

std::vector<BytePairs::Merge> parse_merges(const JsonObject& json, const Vocabulary& vocabulary,
                                           std::string_view continued) {
  std::vector<BytePairs::Merge> merges;
  for (const JsonValue& entry : json.list("merges", again)) {
    const auto [left, right] = parse_merge(json, entry);
    const std::string merged = left + (right.starts_with(continued) ? right.substr(continued.size()) : right);
    const auto a = vocabulary.find(left), b = vocabulary.find(right), both = vocabulary.find(merged);
    if (!a || !b || !both)
      json.reject_entry("merges",
                        "joins \"" + left + "\" and \"" + right +
                            "\", and the vocabulary lacks one of them or "
                            "what they make",
                        again);
    merges.push_back({*a, *b, *both});
  }
  return merges;
}

std::unique_ptr<TokenModel> parse_byte_pairs(const JsonObject& json) {
  if (json.number("dropout", 0) != 0) json.reject_entry("dropout", "is not 0", "tokens would be different each time");
  Vocabulary vocabulary = parse_vocabulary(json);
  BytePairs::Options options;
  options.unknown = id_named(json, "unk_token", vocabulary);
  options.continued = json.text("continuing_subword_prefix");
  options.end_of_word = json.text("end_of_word_suffix");
  options.fuse_unknown = json.flag("fuse_unk", false);
  options.bytes = json.flag("byte_fallback", false);
  options.whole_words = json.flag("ignore_merges", false);
  const auto merges = parse_merges(json, vocabulary, options.continued);
  return std::make_unique<BytePairs>(std::move(vocabulary), merges, std::move(options));
}

std::unique_ptr<TokenModel> parse_unigram(const JsonObject& json) {
  std::vector<Unigram::Piece> pieces;
  for (const JsonValue& entry : json.list("vocab", again)) {
    if (!entry.is_array() || entry.elements().size() != 2 || !entry.at(0).is_string() || !entry.at(1).is_number())
      json.reject_entry("vocab", "holds something that is no piece with a score", again);
    pieces.push_back({entry.at(0).string(), entry.at(1).get<double>()});
  }
  std::optional<std::int64_t> unknown;
  if (json.has("unk_id")) unknown = json.token("unk_id", 0);
  if (unknown && *unknown >= static_cast<std::int64_t>(pieces.size()))
    json.reject_entry("unk_id", "is outside the vocabulary", again);
  return std::make_unique<Unigram>(pieces, unknown, json.flag("byte_fallback", false));
}

/// Older files do not say what kind of model theirs is.
std::string type_of(const JsonObject& json) {
  if (json.has("type")) return json.text("type");
  if (json.has("merges")) return "BPE";
  if (const JsonValue* const vocabulary = json.find("vocab"); vocabulary != nullptr && vocabulary->is_array())
    return "Unigram";
  return json.has("continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

}  // namespace

std::unique_ptr<TokenModel> parse_token_model(const JsonObject& json) {
  const std::string type = type_of(json);
  if (type == "WordPiece") return parse_word_piece(json);
  if (type == "BPE") return parse_byte_pairs(json);
  if (type == "Unigram") return parse_unigram(json);
  if (type == "WordLevel") {
    Vocabulary vocabulary = parse_vocabulary(json);
    // One without its unknown token refuses unknown words, which here are left out.
    const auto unknown = vocabulary.find(json.text("unk_token"));
    return std::make_unique<WordLevel>(std::move(vocabulary), unknown);
  }
  reject_part(json, "model");
}

}  // namespace tessera
