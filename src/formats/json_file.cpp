#include "formats/json_file.hpp"

#include "core/error.hpp"
#include "formats/json_parser.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

constexpr const char* correct = "correct the file or remove it";

}  // namespace

JsonValue parse_json(std::string_view text, const std::string& origin) {
  try {
    return parse_json(text);
  } catch (const JsonTooDeep& error) {
    reject(origin, error.what(), correct);
  } catch (const JsonError&) {
    reject(origin, "is not valid JSON", correct);
  }
}

JsonValue read_json(const std::string& path) {
  return parse_json(MappedFile::open(path)->text(), path);
}

}  // namespace tessera
