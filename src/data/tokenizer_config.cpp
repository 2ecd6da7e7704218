// WordPiece::read: vocab.txt and the JSON files beside it, as Hugging Face lays them out.
#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "data/text_lines.hpp"
#include "data/word_piece.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class Config {
 public:
  explicit Config(const std::string& path) : path_(path) {
    std::error_code error;
    if (!fs::exists(path, error)) return;
    json_ = read_json(path);
    if (!json_.is_object()) reject(path, "is not a JSON object", "write what the model's tokenizer saves");
  }

  void read(const char* name, bool& value) const {
    if (!has(name)) return;
    if (!json_[name].is_boolean()) reject_entry(name, "is neither true nor false");
    value = json_[name].get<bool>();
  }

  /// A token is a string, or an object with one as its content.
  void read(const char* name, std::string& value) const {
    if (!has(name)) return;
    const Json& entry = json_[name];
    const Json& token = entry.is_object() && entry.contains("content") ? entry["content"] : entry;
    if (!token.is_string()) reject_entry(name, "is not a token");
    value = token.get<std::string>();
  }

  /// Lowers a limit; huge numbers stand for "none".
  void lower(const char* name, std::int64_t& limit) const {
    if (!has(name)) return;
    if (!json_[name].is_number() || json_[name] < 2) reject_entry(name, "is not a number of tokens");
    const double value = json_[name].get<double>();
    if (value < static_cast<double>(limit)) limit = static_cast<std::int64_t>(value);
  }

  [[nodiscard]] bool has(const char* name) const { return json_.contains(name) && !json_[name].is_null(); }

 private:
  [[noreturn]] void reject_entry(const std::string& name, const std::string& why) const {
    reject(path_, "entry \"" + name + "\" " + why, "write what the model's tokenizer saves");
  }

  std::string path_;
  Json json_ = Json::object();
};

}  // namespace

WordPiece WordPiece::read(const std::string& vocabulary_path) {
  const TextLines lines(vocabulary_path);
  std::vector<std::string> vocabulary;
  for (std::size_t i = 0; i < lines.size(); ++i) vocabulary.emplace_back(lines[i]);

  const fs::path folder = fs::path(vocabulary_path).parent_path();
  const Config tokenizer((folder / "tokenizer_config.json").string()), model((folder / "config.json").string());
  WordPieceOptions options;
  tokenizer.read("do_lower_case", options.basic.lower_case);
  options.basic.strip_accents = options.basic.lower_case;
  tokenizer.read("strip_accents", options.basic.strip_accents);
  tokenizer.read("tokenize_chinese_chars", options.basic.split_chinese);
  tokenizer.read("unk_token", options.unknown);
  tokenizer.read("cls_token", options.first);
  tokenizer.read("sep_token", options.last);
  tokenizer.read("pad_token", options.padding);
  if (model.has("max_position_embeddings")) options.max_tokens = 1 << 20;
  model.lower("max_position_embeddings", options.max_tokens);
  tokenizer.lower("model_max_length", options.max_tokens);
  return {std::move(vocabulary), std::move(options), vocabulary_path};
}

}  // namespace tessera
