#include "formats/stored_tensor.hpp"

#include <bit>
#include <cstring>
#include <utility>

#include "core/deferred_tensor.hpp"
#include "core/error.hpp"
#include "formats/float16.hpp"

namespace tessera {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and are used as they lie");

// Far above any model, far below where size arithmetic of buffers could wrap.
constexpr std::int64_t max_tensor_bytes = std::int64_t{1} << 46;

template <typename Stored, typename Element, typename Convert>
Tensor convert(const Shape& shape, std::span<const std::byte> bytes, Convert&& one) {
  Tensor tensor(data_type_of<Element>, shape);
  const std::byte* source = bytes.data();
  for (Element& element : tensor.mutable_as<Element>()) {
    Stored stored;
    std::memcpy(&stored, source, sizeof stored);
    source += sizeof stored;
    element = one(stored);
  }
  return tensor;
}

/// Elements as they lie in a file.
class MappedElements final : public ElementSource {
 public:
  MappedElements(std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  void read(std::byte* target) const override { std::memcpy(target, bytes_.data(), bytes_.size()); }
  [[nodiscard]] const std::byte* in_place() const noexcept override { return bytes_.data(); }
  void release() const noexcept override { file_->release(bytes_); }
  [[nodiscard]] bool has_parts() const noexcept override { return true; }
  bool read_part(std::size_t offset, std::span<std::byte> target) const noexcept override {
    return file_->read(static_cast<std::size_t>(bytes_.data() - file_->bytes().data()) + offset, target);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> bytes_;
};

/// Smaller tensors are biases, scales and the like, which are read again and again.
constexpr std::size_t least_mapped_bytes = std::size_t{64} << 10;

}  // namespace

std::size_t size_of(StoredType type) noexcept {
  switch (type) {
    case StoredType::f64:
    case StoredType::i64: return 8;
    case StoredType::f32:
    case StoredType::s32: return 4;
    case StoredType::f16:
    case StoredType::bf16: return 2;
    case StoredType::u8:
    case StoredType::s8:
    case StoredType::boolean: return 1;
  }
  return 0;
}

DataType in_memory(StoredType type) noexcept {
  switch (type) {
    case StoredType::f32:
    case StoredType::f16:
    case StoredType::f64: return DataType::f32;
    case StoredType::bf16: return DataType::bf16;
    case StoredType::s32: return DataType::s32;
    case StoredType::i64: return DataType::i64;
    case StoredType::u8: return DataType::u8;
    case StoredType::s8: return DataType::s8;
    case StoredType::boolean: return DataType::boolean;
  }
  return DataType::f32;
}

Shape checked_shape(std::span<const std::int64_t> extents, std::size_t element_size, const std::string& what) {
  if (extents.size() > Shape::max_rank)
    reject(what, std::to_string(extents.size()) + " dimensions",
           "reshape it to " + std::to_string(Shape::max_rank) + " or fewer");
  // A zero extent does not excuse absurd ones beside it: strides are products of the others.
  std::int64_t bytes = static_cast<std::int64_t>(element_size);
  for (const std::int64_t extent : extents) {
    if (extent < 0) reject(what, "negative extent " + std::to_string(extent), "the file is damaged; make it again");
    if (__builtin_mul_overflow(bytes, extent == 0 ? 1 : extent, &bytes) || bytes > max_tensor_bytes)
      reject(what, "its shape is larger than any memory", "the file is damaged; make it again");
  }
  return Shape(extents);
}

void check_stored_size(StoredType type, const Shape& shape, std::span<const std::byte> bytes, const std::string& what) {
  const std::size_t expected = static_cast<std::size_t>(shape.elements()) * size_of(type);
  if (bytes.size() != expected)
    reject(what,
           "shape " + to_string(shape) + " needs " + std::to_string(expected) + " bytes, the file has " +
               std::to_string(bytes.size()),
           "the file is damaged; make it again");
}

Tensor load_stored(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                   const std::shared_ptr<const void>& owner, const std::string& what) {
  check_stored_size(type, shape, bytes, what);
  if (type == StoredType::f16) return convert<std::uint16_t, float>(shape, bytes, float_from_half);
  if (type == StoredType::f64)
    return convert<double, float>(shape, bytes, [](double value) { return static_cast<float>(value); });
  // A C++ bool that holds anything but 0 or 1 is undefined behaviour waiting for a reader.
  if (type == StoredType::boolean)
    return convert<std::uint8_t, bool>(shape, bytes, [](std::uint8_t value) { return value != 0; });

  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(type) == 0;
  if (owner != nullptr && aligned && !bytes.empty()) return {in_memory(type), shape, owner, bytes.data()};
  Tensor tensor(in_memory(type), shape);
  if (!bytes.empty()) std::memcpy(tensor.mutable_data(), bytes.data(), bytes.size());
  return tensor;
}

Tensor map_stored(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                  const std::shared_ptr<const MappedFile>& file, const std::string& what) {
  const bool as_they_lie = type != StoredType::f16 && type != StoredType::f64 && type != StoredType::boolean;
  if (!as_they_lie || bytes.size() < least_mapped_bytes) return load_stored(type, shape, bytes, file, what);
  check_stored_size(type, shape, bytes, what);
  return deferred_tensor(in_memory(type), shape, std::make_shared<MappedElements>(file, bytes));
}

}  // namespace tessera
