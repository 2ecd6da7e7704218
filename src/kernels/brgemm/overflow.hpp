// vpmaddubsw multiplies u8 by s8 at the full rate of bytes, but adds two products into 16 bits with saturation, and
// kernels that use it add two such sums before they widen to 32. Whether that can overflow with any A at all depends on
// four weights at a time: these marks say so, one for each k_group of a panel. Kernels take the fast way where nothing
// can overflow and an exact one elsewhere, so results do not depend on marks as long as none is missing.
#pragma once

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

/// Bits of a mark. "In fours": products of k, k + 1, k + 4 and k + 5, or of k + 2, k + 3, k + 6 and k + 7, that is of a
/// group and the next one.
namespace overflow {
constexpr std::uint8_t in_fours = 1;
constexpr std::uint8_t in_pairs = 2;  ///< even in the two products that one instruction adds
constexpr std::uint8_t anything = in_fours | in_pairs;
}  // namespace overflow

/// Whether BrgemmBlock::overflows is of use to a kernel.
constexpr bool reads_overflows(const BrgemmKernel& kernel) noexcept {
  return kernel.b == DataType::s8 && kernel.k_group == 4 && !has_int8_dot(kernel.isa);
}

/// The marks of one packed panel of `groups` k_groups.
void mark_overflows(const BrgemmKernel& kernel, const std::byte* panel, std::int64_t groups, std::uint8_t* marks);

}  // namespace tessera
