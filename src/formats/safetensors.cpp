#include "formats/safetensors.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "formats/json_parser.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

constexpr const char* download_again = "the file is damaged; download or save it again";
// The format's own limit on its header.
constexpr std::uint64_t max_tensors_header = 100'000'000;

constexpr std::array<std::pair<std::string_view, StoredType>, 9> types{{{"F32", StoredType::f32},
                                                                        {"F16", StoredType::f16},
                                                                        {"BF16", StoredType::bf16},
                                                                        {"F64", StoredType::f64},
                                                                        {"I64", StoredType::i64},
                                                                        {"I32", StoredType::s32},
                                                                        {"I8", StoredType::s8},
                                                                        {"U8", StoredType::u8},
                                                                        {"BOOL", StoredType::boolean}}};

StoredType stored_type_of(const JsonValue& entry, const std::string& what) {
  const JsonValue* const found = entry.find("dtype");
  if (found == nullptr || !found->is_string()) reject(what, "has no dtype", download_again);
  const std::string& name = found->string();
  for (const auto& [known, type] : types)
    if (name == known) return type;
  reject(what, "element type " + name + " is not supported", "save it as F32, F16 or BF16");
}

std::vector<std::int64_t> numbers(const JsonValue& entry, const char* key, const std::string& what) {
  const JsonValue* const found = entry.find(key);
  if (found == nullptr || !found->is_array()) reject(what, std::string("has no ") + key, download_again);
  std::vector<std::int64_t> result;
  for (const JsonValue& element : found->elements()) {
    const auto number = element.integer();  // beyond int64 there is no size
    if (!number) reject(what, std::string(key) + " is not a list of sizes", download_again);
    result.push_back(*number);
  }
  return result;
}

SafetensorsEntry read_entry(const JsonValue& entry, std::span<const std::byte> data, const std::string& what) {
  if (!entry.is_object()) reject(what, "is not described by an object", download_again);
  const StoredType type = stored_type_of(entry, what);
  const Shape shape = checked_shape(numbers(entry, "shape", what), size_of(type), what);
  const auto range = numbers(entry, "data_offsets", what);
  const auto size = static_cast<std::int64_t>(data.size());
  if (range.size() != 2 || range[0] < 0 || range[1] < range[0] || range[1] > size)
    reject(what, "its data_offsets lie outside the file", download_again);
  const auto bytes = data.subspan(static_cast<std::size_t>(range[0]), static_cast<std::size_t>(range[1] - range[0]));
  return {type, shape, bytes};
}

JsonValue parse_header(std::string_view text, const std::string& origin) {
  try {
    if (JsonValue header = parse_json(text); header.is_object()) return header;
  } catch (const JsonError&) {
    // The same as a header that is something else.
  }
  reject(origin, "its header is not JSON", download_again);
}

std::string tensor_name(const std::string& origin, const std::string& name) {
  return origin + ": tensor " + name;
}

}  // namespace

std::map<std::string, SafetensorsEntry> list_safetensors(std::span<const std::byte> bytes, const std::string& origin) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) reject(origin, "is not a safetensors file", "give a .safetensors file");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > max_tensors_header || length > bytes.size() - sizeof length)
    reject(origin, "is not a safetensors file, or is cut short", "download or save it again");
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof length;
  const JsonValue header = parse_header({text, length}, origin);

  const auto data = bytes.subspan(sizeof length + length);
  std::map<std::string, SafetensorsEntry> listed;
  for (const auto& [name, entry] : header.members())
    if (name != "__metadata__") listed.emplace(name, read_entry(entry, data, tensor_name(origin, name)));
  return listed;
}

std::map<std::string, Tensor> parse_safetensors(std::span<const std::byte> bytes,
                                                const std::shared_ptr<const void>& owner, const std::string& origin) {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, entry] : list_safetensors(bytes, origin))
    tensors.emplace(name, load_stored(entry.type, entry.shape, entry.bytes, owner, tensor_name(origin, name)));
  return tensors;
}

std::map<std::string, Tensor> read_safetensors(const std::string& path) {
  const auto file = MappedFile::open(path);
  return parse_safetensors(file->bytes(), file, path);
}

}  // namespace tessera
