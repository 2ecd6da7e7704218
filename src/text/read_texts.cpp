#include "text/read_texts.hpp"

#include <cstddef>

#include "core/error.hpp"
#include "formats/json_file.hpp"
#include "text/text_lines.hpp"

namespace tessera {
namespace {

std::string text_of(const JsonValue& json, const std::string& origin) {
  const JsonValue* const text = json.is_string() ? &json : json.find("text");
  if (text == nullptr || !text->is_string())
    reject(origin, "is neither a JSON string nor an object with a \"text\"", R"(write "a text" or {"text": "a text"})");
  return text->string();
}

}  // namespace

std::vector<std::string> read_texts(const std::string& path) {
  const TextLines lines(path);
  const bool json = path.ends_with(".jsonl");
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string line(lines[i]), origin = path + ": line " + std::to_string(i + 1);
    texts.push_back(json ? text_of(parse_json(line, origin), origin) : line);
  }
  if (texts.empty()) reject(path, "holds no text", "give one text per line");
  return texts;
}

}  // namespace tessera
