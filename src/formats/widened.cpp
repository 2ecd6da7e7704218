#include "formats/widened.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "core/deferred_tensor.hpp"
#include "core/elements.hpp"
#include "core/error.hpp"
#include "formats/float16.hpp"

namespace tessera {
namespace {

float float_from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <float (*widen)(std::uint16_t)>
class WidenedElements final : public ElementSource {
 public:
  WidenedElements(std::shared_ptr<const MappedFile> file, std::span<const std::byte> bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  void read(std::byte* target) const override { widen_all(bytes_, target); }
  void release() const noexcept override { file_->release(bytes_); }
  [[nodiscard]] bool has_parts() const noexcept override { return true; }

  bool read_part(std::size_t offset, std::span<std::byte> target) const noexcept override {
    // Rows of tables: whole elements, a few thousand at most.
    if (offset % sizeof(float) != 0 || target.size() % sizeof(float) != 0) return false;
    std::size_t at = static_cast<std::size_t>(bytes_.data() - file_->bytes().data()) + offset / 2;
    std::array<std::byte, 2048> stored{};
    while (!target.empty()) {
      const std::size_t count = std::min(target.size() / 2, stored.size());
      if (!file_->read(at, std::span(stored).first(count))) return false;
      widen_all(std::span(stored).first(count), target.data());
      target = target.subspan(2 * count);
      at += count;
    }
    return true;
  }

 private:
  static void widen_all(std::span<const std::byte> stored, std::byte* target) {
    const auto count = static_cast<std::int64_t>(stored.size() / sizeof(std::uint16_t));
    for (std::int64_t i = 0; i < count; ++i) set_element(target, i, widen(element<std::uint16_t>(stored.data(), i)));
  }

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> bytes_;
};

}  // namespace

Tensor map_as_f32(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                  const std::shared_ptr<const MappedFile>& file, const std::string& what) {
  if (type == StoredType::f32 || type == StoredType::f64) return map_stored(type, shape, bytes, file, what);
  if (type != StoredType::f16 && type != StoredType::bf16)
    reject(what, "holds integers where the network has real weights",
           "save the model in F32, F16 or BF16; quantized checkpoints are not read");
  check_stored_size(type, shape, bytes, what);
  if (type == StoredType::f16)
    return deferred_tensor(DataType::f32, shape, std::make_shared<WidenedElements<float_from_half>>(file, bytes));
  return deferred_tensor(DataType::f32, shape, std::make_shared<WidenedElements<float_from_bfloat16>>(file, bytes));
}

}  // namespace tessera
