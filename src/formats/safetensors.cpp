#include "formats/safetensors.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

using nlohmann::json;

constexpr const char* damaged = "the file is damaged; download or save it again";
// The format's own limit on its header.
constexpr std::uint64_t max_header_bytes = 100'000'000;

constexpr std::array<std::pair<std::string_view, StoredType>, 9> types{{{"F32", StoredType::f32},
                                                                        {"F16", StoredType::f16},
                                                                        {"BF16", StoredType::bf16},
                                                                        {"F64", StoredType::f64},
                                                                        {"I64", StoredType::i64},
                                                                        {"I32", StoredType::s32},
                                                                        {"I8", StoredType::s8},
                                                                        {"U8", StoredType::u8},
                                                                        {"BOOL", StoredType::boolean}}};

StoredType stored_type_of(const json& entry, const std::string& what) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) reject(what, "has no dtype", damaged);
  const auto& name = found->get_ref<const std::string&>();
  for (const auto& [known, type] : types)
    if (name == known) return type;
  reject(what, "element type " + name + " is not supported", "save it as F32, F16 or BF16");
}

std::vector<std::int64_t> numbers(const json& entry, const char* key, const std::string& what) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) reject(what, std::string("has no ") + key, damaged);
  std::vector<std::int64_t> result;
  for (const json& number : *found) {
    // Beyond int64 there is no size: such a number stays unsigned and would wrap.
    if (!number.is_number_integer() || (number.is_number_unsigned() && number.get<std::uint64_t>() >> 63 != 0))
      reject(what, std::string(key) + " is not a list of sizes", damaged);
    result.push_back(number.get<std::int64_t>());
  }
  return result;
}

SafetensorsEntry read_entry(const json& entry, std::span<const std::byte> data, const std::string& what) {
  if (!entry.is_object()) reject(what, "is not described by an object", damaged);
  const StoredType type = stored_type_of(entry, what);
  const Shape shape = checked_shape(numbers(entry, "shape", what), size_of(type), what);
  const auto range = numbers(entry, "data_offsets", what);
  const auto size = static_cast<std::int64_t>(data.size());
  if (range.size() != 2 || range[0] < 0 || range[1] < range[0] || range[1] > size)
    reject(what, "its data_offsets lie outside the file", damaged);
  const auto bytes = data.subspan(static_cast<std::size_t>(range[0]), static_cast<std::size_t>(range[1] - range[0]));
  return {type, shape, bytes};
}

std::string tensor_name(const std::string& origin, const std::string& name) {
  return origin + ": tensor " + name;
}

}  // namespace

std::map<std::string, SafetensorsEntry> list_safetensors(std::span<const std::byte> bytes, const std::string& origin) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) reject(origin, "is not a safetensors file", "give a .safetensors file");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > max_header_bytes || length > bytes.size() - sizeof length)
    reject(origin, "is not a safetensors file, or is cut short", "download or save it again");
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof length;
  const json header = json::parse(text, text + length, nullptr, false);
  if (!header.is_object()) reject(origin, "its header is not JSON", damaged);

  const auto data = bytes.subspan(sizeof length + length);
  std::map<std::string, SafetensorsEntry> entries;
  for (const auto& [name, entry] : header.items())
    if (name != "__metadata__") entries.emplace(name, read_entry(entry, data, tensor_name(origin, name)));
  return entries;
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
