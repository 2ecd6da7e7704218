// Tensor: a typed, dense, row-major array that shares its storage. TensorView: the same without ownership.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tessera/data_type.hpp"
#include "tessera/export.h"
#include "tessera/shape.hpp"

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

/// Copying a Tensor shares its elements: initializers are held once however many graphs and plans refer to them. Any
/// number of threads may read one, or copies of one, while none writes.
class TESSERA_API Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. Error{failed} when the memory is not to be had.
  Tensor(DataType type, const Shape& shape);
  /// Elements that live in somebody else's storage, kept alive by `owner`. data() is `data`, whatever its alignment.
  Tensor(DataType type, const Shape& shape, std::shared_ptr<const void> owner, const std::byte* data);

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

  /// The same elements under another shape of equal element count. Error{invalid} for any other.
  [[nodiscard]] Tensor reshaped(const Shape& shape) const;
  [[nodiscard]] TensorView view() const { return {type_, shape_, const_cast<std::byte*>(data())}; }

 private:
  friend struct DeferredTensor;  // weights that stay in their file until they are packed
  struct Deferred;
  [[nodiscard]] const std::byte* kept_elements() const;

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
