// bfloat16: the upper half of an IEEE binary32. Conversion rounds to nearest even; NaN stays NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace tessera {

struct bfloat16 {
  std::uint16_t bits = 0;

  bfloat16() = default;
  explicit constexpr bfloat16(float value) noexcept : bits(round(value)) {}
  explicit constexpr operator float() const noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  friend constexpr bool operator==(bfloat16 a, bfloat16 b) noexcept { return a.bits == b.bits; }

 private:
  static constexpr std::uint16_t round(float value) noexcept {
    const auto word = std::bit_cast<std::uint32_t>(value);
    if ((word & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((word >> 16) | 0x40U);
    // Adding 0x7fff plus the lowest kept bit carries exactly when the dropped half is above one half, or at it with an
    // odd result.
    return static_cast<std::uint16_t>((word + 0x7fffU + ((word >> 16) & 1U)) >> 16);
  }
};
static_assert(sizeof(bfloat16) == 2);

}  // namespace tessera
