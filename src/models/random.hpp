// Counter-based random numbers. Element i of a stream depends on the seed, the stream's name and i alone: not on the
// order of calls, the number of threads, the compiler or its standard library (whose distributions all differ).
#pragma once

#include <cstdint>
#include <string_view>

#include "tessera/tensor.hpp"

namespace tessera {

class RandomStream {
 public:
  constexpr RandomStream(std::uint64_t seed, std::string_view name) noexcept : key_(mix(seed)) {
    for (const char c : name) key_ = mix(key_ ^ static_cast<unsigned char>(c));
  }

  [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t index) const noexcept { return mix(key_ + index * step); }

  /// In [0, 1).
  [[nodiscard]] constexpr float uniform(std::uint64_t index) const noexcept {
    return static_cast<float>(bits(index) >> 40) * 0x1p-24F;
  }

  /// In [0, bound); the bias of the remainder is below bound / 2^64.
  [[nodiscard]] constexpr std::int64_t below(std::int64_t bound, std::uint64_t index) const noexcept {
    return static_cast<std::int64_t>(bits(index) % static_cast<std::uint64_t>(bound));
  }

  /// Mean 0, variance 1, bell-shaped up to 4.9: the sum of eight uniform 16-bit numbers. Only integers and one
  /// multiplication, so that it is exact everywhere, which logarithms and cosines are not.
  [[nodiscard]] constexpr float normal(std::uint64_t index) const noexcept {
    const std::uint64_t pairs = lane_sums(bits(2 * index)) + lane_sums(bits(2 * index + 1));
    const auto sum = static_cast<std::int32_t>((pairs & 0xffffffffU) + (pairs >> 32));
    constexpr std::int32_t mean = 8 * 65535 / 2;
    constexpr float deviation = 53509.92F;  // sqrt(8 * (65536^2 - 1) / 12)
    return static_cast<float>(sum - mean) * (1.0F / deviation);
  }

 private:
  static constexpr std::uint64_t step =
      0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio: consecutive keys lie far apart

  /// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
  static constexpr std::uint64_t mix(std::uint64_t x) noexcept {
    x += step;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }

  /// Sums of 16-bit lanes 0 + 1 and 2 + 3, in the two halves.
  static constexpr std::uint64_t lane_sums(std::uint64_t word) noexcept {
    constexpr std::uint64_t lanes = 0x0000ffff0000ffffU;
    return (word & lanes) + ((word >> 16) & lanes);
  }

  std::uint64_t key_;
};

/// Normal elements of the given mean and standard deviation.
Tensor normal_tensor(const Shape& shape, const RandomStream& random, float deviation, float mean = 0.0F);
/// The same elements around 0, made each time they are read: large weights, which are in memory only once packed.
Tensor normal_weights(const Shape& shape, const RandomStream& random, float deviation);

}  // namespace tessera
