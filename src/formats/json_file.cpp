#include "formats/json_file.hpp"

#include "core/error.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {

nlohmann::json parse_json(const std::string& text, const std::string& origin) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) reject(origin, "is not valid JSON", "correct the file or remove it");
  return json;
}

nlohmann::json read_json(const std::string& path) {
  const auto file = MappedFile::open(path);
  return parse_json({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()}, path);
}

}  // namespace tessera
