// Each channel is a matrix product of one column: what its order and its epilogue are stands in brgemm.hpp.
#include <vector>

#include "core/elements.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "tessera/bfloat16.hpp"

namespace tessera {
namespace {

/// A kernel of one column whose rows of weights lie one behind the other.
BrgemmKernel one_column(DataType x) {
  const DataType weights = x == DataType::u8 ? DataType::s8 : x;
  return {"depthwise-reference", Isa::avx2, x, weights, 1, 1, 1, nullptr};
}

/// The weights of one channel, of the type that the kernel multiplies.
std::vector<std::byte> column_of(const DepthwiseCall& call, std::int64_t channel) {
  const std::int64_t products = std::int64_t{call.tap_count} * call.group, pairs = (products + 1) / 2;
  const std::int64_t block = channel / depthwise_lanes, lane = channel % depthwise_lanes;
  std::vector<std::byte> column(static_cast<std::size_t>(products) * sizeof(float));
  for (std::int64_t i = 0; i < products; ++i) {
    if (call.type == DataType::u8) {
      const std::int64_t at = ((block * pairs + i / 2) * depthwise_lanes + lane) * 2 + i % 2;
      set_element(column.data(), i, static_cast<std::int8_t>(element<std::int16_t>(call.weights, at)));
      continue;
    }
    const auto weight = element<float>(call.weights, (block * products + i) * depthwise_lanes + lane);
    if (call.type == DataType::bf16)
      set_element(column.data(), i, bfloat16(weight));
    else
      set_element(column.data(), i, weight);
  }
  return column;
}

}  // namespace

void depthwise_reference(const DepthwiseCall& call) {
  const BrgemmKernel kernel = one_column(call.type);
  const auto size = static_cast<std::int64_t>(size_of(call.type));
  std::vector<const std::byte*> x, residual;
  std::vector<std::byte*> y;
  for (std::int64_t p = 0; p < call.pixels; ++p) {
    x.push_back(call.x + p * call.x_step);
    y.push_back(call.y + p * call.y_step);
    residual.push_back(call.residual == nullptr ? nullptr : call.residual + p * call.residual_step);
  }
  Epilogue epilogue = *call.epilogue;
  epilogue.residual_rows = call.residual == nullptr ? nullptr : residual.data();
  BrgemmBlock block;
  block.a_rows = x.data();
  block.c_rows = y.data();
  block.m = static_cast<int>(call.pixels);
  block.epilogue = &epilogue;
  block.n = 1;
  std::vector<KSegment> segments(static_cast<std::size_t>(call.tap_count));
  for (std::int64_t c = 0; c < call.channels; ++c) {
    for (std::size_t t = 0; t < segments.size(); ++t)
      segments[t] = {call.taps[t] + c / call.group * call.group * size, call.group};
    const std::vector<std::byte> column = column_of(call, c);
    block.segments = segments.data();
    block.segment_count = call.tap_count;
    block.b = column.data();
    block.n0 = static_cast<int>(c);
    brgemm_reference(kernel, block);
  }
}

}  // namespace tessera
