#include "tessera/shape.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace tessera {

Shape::Shape(std::span<const std::int64_t> dims) {
  for (const std::int64_t extent : dims) push_back(extent);
}

void Shape::push_back(std::int64_t extent) {
  if (rank_ == max_rank) reject("tensor shape", "more than 8 dimensions", "reshape the tensor to rank 8 or less");
  if (extent < 0) reject("tensor shape", "negative extent " + std::to_string(extent));
  dims_[rank_++] = extent;
}

std::int64_t Shape::elements() const noexcept {
  return product(0, rank_);
}

std::int64_t Shape::product(std::size_t first, std::size_t last) const noexcept {
  std::int64_t count = 1;
  for (std::size_t i = first; i < last; ++i) count *= dims_[i];
  return count;
}

bool operator==(const Shape& a, const Shape& b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace tessera
