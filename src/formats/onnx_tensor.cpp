#include "formats/onnx_tensor.hpp"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "core/error.hpp"
#include "formats/float16.hpp"
#include "formats/stored_tensor.hpp"

namespace tessera {
namespace {

using onnx::TensorProto;

constexpr const char* export_again = "the file is damaged; export the model again";

/// ONNX's own word for an element type, or its number where this version of the format has no word for it.
std::string type_name(int element_type) {
  return TensorProto::DataType_IsValid(element_type) ? TensorProto::DataType_Name(element_type)
                                                     : "number " + std::to_string(element_type);
}

std::optional<StoredType> stored_type_of(int element_type) {
  switch (element_type) {
    case TensorProto::FLOAT: return StoredType::f32;
    case TensorProto::FLOAT16: return StoredType::f16;
    case TensorProto::BFLOAT16: return StoredType::bf16;
    case TensorProto::DOUBLE: return StoredType::f64;
    case TensorProto::INT32: return StoredType::s32;
    case TensorProto::INT64: return StoredType::i64;
    case TensorProto::UINT8: return StoredType::u8;
    case TensorProto::INT8: return StoredType::s8;
    case TensorProto::BOOL: return StoredType::boolean;
    default: return std::nullopt;
  }
}

[[noreturn]] void reject_type(int element_type, const std::string& what) {
  reject(what, "element type " + type_name(element_type) + " is not supported",
         "export the model with float32 or bfloat16 weights and int64, int32, int8, uint8 or bool integers");
}

std::uint64_t parse_number(const std::string& text, const char* key, const std::string& what) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || text.empty())
    reject(what, "external data " + std::string(key) + " \"" + text + "\" is not a number", export_again);
  return value;
}

Tensor read_external(const TensorProto& proto, StoredType type, const Shape& shape, ExternalData& external,
                     const std::string& what) {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parse_number(entry.value(), "offset", what);
    if (entry.key() == "length") length = parse_number(entry.value(), "length", what);
  }
  // Without a length the tensor's own size counts, not the rest of a file that several tensors share.
  if (!length) length = static_cast<std::uint64_t>(shape.elements()) * size_of(type);
  const auto slice = external.slice(location, offset, length, what);
  return map_stored(type, shape, slice.bytes, slice.file, what);
}

/// Elements from one of the typed fields, each checked by `convert`.
template <typename Element, typename Field, typename Convert>
Tensor from_field(const Field& field, const Shape& shape, const std::string& what, Convert&& convert) {
  if (field.size() != shape.elements())
    reject(what,
           "shape " + to_string(shape) + " needs " + std::to_string(shape.elements()) + " elements, the file has " +
               std::to_string(field.size()),
           export_again);
  Tensor tensor(data_type_of<Element>, shape);
  const auto elements = tensor.mutable_as<Element>();
  for (int i = 0; i < field.size(); ++i) elements[static_cast<std::size_t>(i)] = convert(field[i]);
  return tensor;
}

template <typename Integer>
Tensor from_narrow_field(const TensorProto& proto, const Shape& shape, const std::string& what) {
  return from_field<Integer>(proto.int32_data(), shape, what, [&](std::int32_t value) {
    if (!std::in_range<Integer>(value))
      reject(what, "element " + std::to_string(value) + " does not fit its type", export_again);
    return static_cast<Integer>(value);
  });
}

Tensor read_typed_fields(const TensorProto& proto, StoredType type, const Shape& shape, const std::string& what) {
  const auto same = [](auto value) { return value; };
  switch (type) {
    case StoredType::f32: return from_field<float>(proto.float_data(), shape, what, same);
    case StoredType::f64:
      return from_field<float>(proto.double_data(), shape, what,
                               [](double value) { return static_cast<float>(value); });
    case StoredType::i64: return from_field<std::int64_t>(proto.int64_data(), shape, what, same);
    case StoredType::s32: return from_field<std::int32_t>(proto.int32_data(), shape, what, same);
    case StoredType::u8: return from_narrow_field<std::uint8_t>(proto, shape, what);
    case StoredType::s8: return from_narrow_field<std::int8_t>(proto, shape, what);
    case StoredType::boolean:
      return from_field<bool>(proto.int32_data(), shape, what, [](std::int32_t value) { return value != 0; });
    case StoredType::f16:  // the 16 bits of each element, zero-extended
      return from_field<float>(proto.int32_data(), shape, what,
                               [](std::int32_t bits) { return float_from_half(static_cast<std::uint16_t>(bits)); });
    case StoredType::bf16:
      return from_field<bfloat16>(proto.int32_data(), shape, what, [](std::int32_t bits) {
        bfloat16 value;
        value.bits = static_cast<std::uint16_t>(bits);
        return value;
      });
  }
  reject(what, "unknown element type", export_again);
}

struct Header {
  StoredType type;
  Shape shape;
};

Header read_header(const TensorProto& proto, const std::string& what) {
  const auto type = stored_type_of(proto.data_type());
  if (!type) reject_type(proto.data_type(), what);
  if (proto.has_segment()) reject(what, "a tensor stored in segments", "export the model again");
  return {*type,
          checked_shape({proto.dims().data(), static_cast<std::size_t>(proto.dims_size())}, size_of(*type), what)};
}

}  // namespace

Tensor read_tensor(TensorProto& proto, ExternalData& external, const std::string& what) {
  const Header header = read_header(proto, what);
  if (proto.data_location() == TensorProto::EXTERNAL)
    return read_external(proto, header.type, header.shape, external, what);
  if (!proto.has_raw_data()) return read_typed_fields(proto, header.type, header.shape, what);
  const std::shared_ptr<const std::string> raw(proto.release_raw_data());
  return load_stored(header.type, header.shape, std::as_bytes(std::span(*raw)), raw, what);
}

Tensor read_tensor(TensorProto& proto, std::span<const std::byte> raw, const std::shared_ptr<const MappedFile>& file,
                   ExternalData& external, const std::string& what) {
  if (proto.data_location() == TensorProto::EXTERNAL) return read_tensor(proto, external, what);
  const Header header = read_header(proto, what);
  if (file == nullptr) return load_stored(header.type, header.shape, raw, nullptr, what);
  return map_stored(header.type, header.shape, raw, file, what);
}

DataType read_element_type(int element_type, const std::string& what) {
  const auto type = stored_type_of(element_type);
  // Inputs of f16 and f64 are f32 to us, as weights of these types are: the caller gives f32.
  if (!type) reject_type(element_type, what);
  return in_memory(*type);
}

TensorProto::DataType onnx_type_of(DataType type) noexcept {
  switch (type) {
    case DataType::f32: return TensorProto::FLOAT;
    case DataType::bf16: return TensorProto::BFLOAT16;
    case DataType::u8: return TensorProto::UINT8;
    case DataType::s8: return TensorProto::INT8;
    case DataType::s16: return TensorProto::INT16;
    case DataType::s32: return TensorProto::INT32;
    case DataType::i64: return TensorProto::INT64;
    case DataType::boolean: return TensorProto::BOOL;
  }
  return TensorProto::UNDEFINED;
}

}  // namespace tessera
