// The definition of correctness: one element at a time, in the order that brgemm.hpp promises, nothing clever.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/elements.hpp"
#include "kernels/activation.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {
namespace {

/// Continues `sum` over all segments of row m, column n of the panel.
template <typename A, typename B, typename Sum, typename MultiplyAdd>
Sum accumulate(const BrgemmKernel& kernel, const BrgemmBlock& block, int m, int n, Sum sum, MultiplyAdd multiply_add) {
  const std::byte* b = block.b;
  const std::int64_t group = kernel.k_group;
  for (int s = 0; s < block.segment_count; ++s) {
    const KSegment& segment = block.segments[s];
    const std::byte* a = block.a_rows[m] + segment.a_offset;
    for (std::int64_t k = 0; k < segment.k; ++k)
      sum = multiply_add(element<A>(a, k), element<B>(b, (k / group * kernel.nr + n) * group + k % group), sum);
    b += packed_k_bytes(kernel, (segment.k + group - 1) / group * group);
  }
  return sum;
}

float plus_residual(const Epilogue& e, int m, int column, float x) {
  const std::byte* row = e.residual_rows[m];
  switch (e.residual_type) {
    case DataType::bf16: return x + static_cast<float>(element<bfloat16>(row, column));
    case DataType::u8: {
      const int q = element<std::uint8_t>(row, column) - e.residual.zero_point;
      return std::fma(static_cast<float>(q), e.residual.scale, x);
    }
    default: return x + element<float>(row, column);
  }
}

std::uint8_t quantized(float x, const Requantize& q) {
  const float scaled = x * (1.0F / q.scale);
  if (std::isnan(scaled)) return 0;
  // Far beyond the range of u8 and well within that of an integer.
  const float limited = std::clamp(scaled, -65536.0F, 65536.0F);
  const auto rounded = static_cast<std::int64_t>(std::nearbyint(limited));
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(rounded + q.zero_point, 0, 255));
}

void store(const Epilogue& e, int m, int column, float x, std::byte* c_row) {
  if (e.residual_rows != nullptr && e.rounds_sum)
    x = std::fma(static_cast<float>(quantized(x, e.sum_to_u8) - e.sum_from_u8.zero_point), e.sum_from_u8.scale,
                 plus_residual(e, m, column, e.sum_offset));
  else if (e.residual_rows != nullptr)
    x = plus_residual(e, m, column, x);
  x = activated(e.activation, e.parameters, x);
  switch (e.c_type) {
    case DataType::bf16: return set_element(c_row, column, bfloat16(x));
    case DataType::u8: return set_element(c_row, column, quantized(x, e.requantize));
    default: return set_element(c_row, column, x);
  }
}

float scaled(const Epilogue& e, float sum, int /*m*/, int column) {
  return e.bias == nullptr ? sum : sum + e.bias[column];
}

float scaled(const Epilogue& e, std::int32_t sum, int m, int column) {
  const std::int32_t total = sum + (e.compensation == nullptr ? 0 : e.compensation[column]);
  const float scale = e.row_scale == nullptr ? e.scale[column] : e.scale[column] * e.row_scale[m];
  return std::fma(static_cast<float>(total), scale, e.bias == nullptr ? 0.0F : e.bias[column]);
}

template <typename A, typename B, typename Sum, typename MultiplyAdd>
void run(const BrgemmKernel& kernel, const BrgemmBlock& block, MultiplyAdd multiply_add) {
  for (int m = 0; m < block.m; ++m) {
    for (int n = 0; n < kernel.nr; ++n) {
      const std::int64_t index = static_cast<std::int64_t>(m) * kernel.nr + n;
      const Sum start = block.first ? Sum{0} : element<Sum>(block.accumulators, index);
      const Sum sum = accumulate<A, B>(kernel, block, m, n, start, multiply_add);
      if (!block.last) {
        set_element(block.accumulators, index, sum);
      } else if (n < block.n) {
        const int column = block.n0 + n;
        store(*block.epilogue, m, column, scaled(*block.epilogue, sum, m, column), block.c_rows[m]);
      }
    }
  }
}

}  // namespace

void brgemm_reference(const BrgemmKernel& kernel, const BrgemmBlock& block) {
  const auto fused = [](auto a, auto b, float sum) {
    return std::fma(static_cast<float>(a), static_cast<float>(b), sum);
  };
  const auto exact = [](std::int32_t a, std::int32_t b, std::int32_t sum) { return sum + a * b; };
  switch (kernel.a) {
    case DataType::bf16: return run<bfloat16, bfloat16, float>(kernel, block, fused);
    case DataType::u8: return run<std::uint8_t, std::int8_t, std::int32_t>(kernel, block, exact);
    case DataType::s16: return run<std::int16_t, std::int16_t, std::int32_t>(kernel, block, exact);
    default: break;
  }
  if (kernel.b == DataType::bf16) return run<float, bfloat16, float>(kernel, block, fused);
  return run<float, float, float>(kernel, block, fused);
}

}  // namespace tessera
