// Tensors whose elements are read when somebody wants them. Weights are read from a file, or computed from others, only
// while they are packed: so they are in memory once, packed.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/memory.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Where the elements of a tensor come from. Thread-safe.
class ElementSource {
 public:
  virtual ~ElementSource() = default;
  /// Writes all elements to `target`.
  virtual void read(std::byte* target) const = 0;
  /// The elements where they lie, at any alignment; null where they must be read.
  [[nodiscard]] virtual const std::byte* in_place() const noexcept { return nullptr; }
  /// Nobody needs what in_place returned for now: its memory may go, and comes back when it is touched.
  virtual void release() const noexcept {}
  /// Whether parts are had by themselves, without memory for the rest; and the bytes from `offset` on, false on
  /// failure.
  [[nodiscard]] virtual bool has_parts() const noexcept { return false; }
  virtual bool read_part(std::size_t /*offset*/, std::span<std::byte> /*target*/) const noexcept { return false; }
};

/// Elements at any alignment, in memory for as long as `owner` lives.
struct BorrowedElements {
  std::shared_ptr<const void> owner;
  const std::byte* data = nullptr;
};

/// Elements that `source` supplies. Tensor::data() and as() read them once and keep them; borrow() does not keep them.
Tensor deferred_tensor(DataType type, const Shape& shape, std::shared_ptr<const ElementSource> source);

/// The elements for a reader that takes them at any alignment and is done with them soon.
BorrowedElements borrow(const Tensor& tensor);
/// The same where elements that must be read go to `scratch`, which is made as large as it takes: they are there
/// until it is used again.
BorrowedElements borrow(const Tensor& tensor, AlignedBuffer& scratch);
/// Who supplies the elements part by part; null where they are in memory, or come only all together.
std::shared_ptr<const ElementSource> parts_of(const Tensor& tensor) noexcept;
/// The same for all tensors that share their elements, different for all others; stays what it is.
const void* identity_of(const Tensor& tensor) noexcept;

}  // namespace tessera
