// Shape: the extents of a tensor. A value type with inline storage, so that passing one never allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tessera/export.h"

namespace tessera {

class TESSERA_API Shape {
 public:
  static constexpr std::size_t max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims);  ///< Error{invalid} above max_rank or for a negative extent

  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] std::int64_t operator[](std::size_t i) const noexcept { return dims_[i]; }
  [[nodiscard]] std::int64_t& operator[](std::size_t i) noexcept { return dims_[i]; }
  /// Extent counted from the back: back(0) is the innermost.
  [[nodiscard]] std::int64_t back(std::size_t i = 0) const noexcept { return dims_[rank_ - 1 - i]; }
  [[nodiscard]] const std::int64_t* begin() const noexcept { return dims_.data(); }
  [[nodiscard]] const std::int64_t* end() const noexcept { return dims_.data() + rank_; }
  [[nodiscard]] std::span<const std::int64_t> dims() const noexcept { return {dims_.data(), rank_}; }

  /// Number of elements; 1 for a scalar (rank 0).
  [[nodiscard]] std::int64_t elements() const noexcept;
  /// Product of the extents in [first, last).
  [[nodiscard]] std::int64_t product(std::size_t first, std::size_t last) const noexcept;

  void push_back(std::int64_t extent);  ///< Error{invalid} above max_rank

  friend TESSERA_API bool operator==(const Shape& a, const Shape& b) noexcept;

 private:
  std::array<std::int64_t, max_rank> dims_{};
  std::size_t rank_ = 0;
};

/// "[1, 3, 224, 224]"
TESSERA_API std::string to_string(const Shape& shape);

}  // namespace tessera
