// Sizes that are products, checked: extents come from files and from people, and a product that wraps makes a buffer
// that is too small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "tessera/data_type.hpp"
#include "tessera/shape.hpp"

namespace tessera {

/// Far above any model, far below where sums of sizes and addresses could wrap.
inline constexpr std::int64_t largest_bytes = std::int64_t{1} << 46;

/// The product; nothing where it is beyond int64 or a factor is negative. A factor of 0 counts as 1 until the end: it
/// does not excuse absurd ones beside it, of which strides are made.
std::optional<std::int64_t> checked_product(std::span<const std::int64_t> factors) noexcept;

/// Bytes of a dense tensor. Error{invalid} naming `what` where they are more than `largest_bytes`.
std::size_t checked_bytes(const Shape& shape, DataType type, const std::string& what);

/// The same of anything else: the product of what it consists of.
std::size_t checked_bytes(std::initializer_list<std::int64_t> factors, const std::string& what);

}  // namespace tessera
