// Tensor: a typed, dense, row-major array that shares its storage. TensorView: the same without ownership.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/data_type.hpp"
#include "core/memory.hpp"
#include "core/shape.hpp"

namespace tessera {

/// A borrowed dense row-major array. Kernels and op evaluators see only these.
struct TensorView {
  DataType type = DataType::f32;
  Shape shape;
  std::byte* data = nullptr;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(shape.elements()) * size_of(type);
  }
  template <typename T>
  [[nodiscard]] std::span<T> as() const noexcept {
    return {reinterpret_cast<T*>(data), static_cast<std::size_t>(shape.elements())};
  }
};

/// Where the elements of a tensor come from when somebody wants them. Weights are read from a file, or computed from
/// others, only while they are packed: so they are in memory once, packed. Thread-safe.
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

/// Copying a Tensor shares its elements: initializers are held once however many graphs and plans refer to them.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled.
  Tensor(DataType type, const Shape& shape);
  /// Elements that live in somebody else's storage (a mapped file), kept alive by `owner`.
  Tensor(DataType type, const Shape& shape, std::shared_ptr<const void> owner, const std::byte* data);

  /// Elements that `source` supplies. data() and as() read them once and keep them; borrow() does not keep them.
  Tensor(DataType type, const Shape& shape, std::shared_ptr<const ElementSource> source);

  template <typename T>
  static Tensor from(const Shape& shape, std::span<const T> values);
  template <typename T>
  static Tensor scalar(T value) {
    return from<T>(Shape{}, std::span<const T>(&value, 1));
  }

  [[nodiscard]] DataType type() const noexcept { return type_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(shape_.elements()) * size_of(type_);
  }
  [[nodiscard]] bool empty() const noexcept { return data_ == nullptr && deferred_ == nullptr; }

  [[nodiscard]] const std::byte* data() const { return deferred_ == nullptr ? data_ : kept_elements(); }
  /// The elements for a reader that takes them at any alignment and is done with them soon.
  [[nodiscard]] BorrowedElements borrow() const;
  /// The same where elements that must be read go to `scratch`, which is made as large as it takes: they are there
  /// until it is used again.
  [[nodiscard]] BorrowedElements borrow(AlignedBuffer& scratch) const;
  /// Who supplies the elements part by part; null where they are in memory, or come only all together.
  [[nodiscard]] std::shared_ptr<const ElementSource> parts() const noexcept;
  /// The same for all tensors that share their elements, different for all others; stays what it is.
  [[nodiscard]] const void* identity() const noexcept {
    return deferred_ == nullptr ? static_cast<const void*>(data_) : deferred_.get();
  }
  /// Writable elements; only for the one who has just made the tensor.
  [[nodiscard]] std::byte* mutable_data() noexcept { return const_cast<std::byte*>(data_); }

  /// Typed elements. The caller has checked type().
  template <typename T>
  [[nodiscard]] std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data()), static_cast<std::size_t>(shape_.elements())};
  }
  template <typename T>
  [[nodiscard]] std::span<T> mutable_as() noexcept {
    return {reinterpret_cast<T*>(mutable_data()), static_cast<std::size_t>(shape_.elements())};
  }

  /// The same elements under another shape of equal element count.
  [[nodiscard]] Tensor reshaped(const Shape& shape) const;
  [[nodiscard]] TensorView view() const { return {type_, shape_, const_cast<std::byte*>(data())}; }

 private:
  struct Deferred;
  [[nodiscard]] const std::byte* kept_elements() const;
  [[nodiscard]] BorrowedElements elements_in_memory() const;

  DataType type_ = DataType::f32;
  Shape shape_;
  std::shared_ptr<const void> owner_;
  const std::byte* data_ = nullptr;
  std::shared_ptr<Deferred> deferred_;  ///< set instead of owner_ and data_
};

template <typename T>
Tensor Tensor::from(const Shape& shape, std::span<const T> values) {
  Tensor tensor(data_type_of<T>, shape);
  const auto target = tensor.mutable_as<T>();
  for (std::size_t i = 0; i < target.size() && i < values.size(); ++i) target[i] = values[i];
  return tensor;
}

}  // namespace tessera
