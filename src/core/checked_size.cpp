#include "core/checked_size.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace tessera {
namespace {

std::size_t within_limit(std::optional<std::int64_t> bytes, const std::string& what, const std::string& size) {
  if (!bytes || *bytes > largest_bytes)
    reject(what, size + " is larger than any memory",
           "use a smaller batch, sequence or image, or export the model again");
  return static_cast<std::size_t>(*bytes);
}

}  // namespace

std::optional<std::int64_t> checked_product(std::span<const std::int64_t> factors) noexcept {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors)
    if (factor < 0 || __builtin_mul_overflow(product, std::max<std::int64_t>(factor, 1), &product)) return std::nullopt;
  return std::ranges::find(factors, 0) == factors.end() ? product : 0;
}

std::size_t checked_bytes(const Shape& shape, DataType type, const std::string& what) {
  std::optional<std::int64_t> bytes = checked_product(shape.dims());
  std::int64_t product = 0;
  if (bytes && __builtin_mul_overflow(*bytes, static_cast<std::int64_t>(size_of(type)), &product)) bytes.reset();
  if (bytes) bytes = product;
  return within_limit(bytes, what, "shape " + to_string(shape));
}

std::size_t checked_bytes(std::initializer_list<std::int64_t> factors, const std::string& what) {
  return within_limit(checked_product({factors.begin(), factors.size()}), what, "its size");
}

}  // namespace tessera
