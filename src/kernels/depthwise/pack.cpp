#include <cstring>

#include "core/elements.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "tessera/bfloat16.hpp"

namespace tessera {
namespace {

std::int64_t blocks_of(const DepthwiseWeights& weights) {
  return (weights.channels + depthwise_lanes - 1) / depthwise_lanes;
}

/// Pairs of products of integers in one channel.
std::int64_t pairs_of(const DepthwiseWeights& weights) {
  return (std::int64_t{weights.taps} * weights.group + 1) / 2;
}

}  // namespace

std::size_t packed_depthwise_bytes(DataType x, const DepthwiseWeights& weights) {
  const std::int64_t products = std::int64_t{weights.taps} * weights.group;
  const std::int64_t of_channel = x == DataType::u8 ? pairs_of(weights) * 4 : products * 4;
  return static_cast<std::size_t>(blocks_of(weights) * depthwise_lanes * of_channel);
}

void pack_depthwise(DataType x, const DepthwiseWeights& weights, const std::byte* elements, std::byte* packed) {
  const std::int64_t products = std::int64_t{weights.taps} * weights.group;
  std::memset(packed, 0, packed_depthwise_bytes(x, weights));
  for (std::int64_t c = 0; c < weights.channels; ++c) {
    const std::int64_t block = c / depthwise_lanes, lane = c % depthwise_lanes;
    for (std::int64_t i = 0; i < products; ++i) {
      const std::int64_t tap = i / weights.group, j = i % weights.group;
      const std::int64_t from = (c * weights.group + j) * weights.taps + tap;
      if (x == DataType::u8) {
        const std::int64_t pair = block * pairs_of(weights) + i / 2;
        set_element(packed, (pair * depthwise_lanes + lane) * 2 + i % 2,
                    static_cast<std::int16_t>(element<std::int8_t>(elements, from)));
        continue;
      }
      const auto value = element<float>(elements, from);
      set_element(packed, (block * products + i) * depthwise_lanes + lane,
                  x == DataType::bf16 ? static_cast<float>(bfloat16(value)) : value);
    }
  }
}

}  // namespace tessera
