// All vector kernels for the tier of the including translation unit.
#pragma once

#include "kernels/convert/convert.hpp"
#include "kernels/convert/to_nchw.hpp"
#include "kernels/convert/to_nhwc.hpp"
#include "kernels/convert/widen.hpp"
#include "kernels/depthwise/multiply.hpp"
#include "kernels/elementwise/elementwise.hpp"
#include "kernels/layer_norm/layer_norm.hpp"
#include "kernels/pack/pack.hpp"
#include "kernels/pool/pool.hpp"
#include "kernels/quantize/quantize_rows.hpp"
#include "kernels/quantize/range.hpp"
#include "kernels/quantize/sum_bytes.hpp"
#include "kernels/softmax/softmax.hpp"
#include "kernels/strassen/sums.hpp"
#include "kernels/vector/tiers.hpp"
#include "kernels/winograd/f32_2x2.hpp"
#include "kernels/winograd/f32_4x4.hpp"
#include "kernels/winograd/int8_2x2.hpp"
#include "kernels/winograd/int8_4x4.hpp"
#include "kernels/winograd/stride_2.hpp"

namespace tessera {
namespace {

/// This translation unit's row of the table.
constexpr VectorKernels vector_kernels_of(const char* name, Isa isa, const MatchedBytes* matched = nullptr) {
  return {name,
          isa,
          softmax,
          layer_norm,
          elementwise,
          pool,
          convert,
          quantize_rows,
          range,
          widen,
          sum_bytes,
          to_nhwc,
          to_nchw,
          pack,
          depthwise,
          winograd_f32,
          winograd_f32_small,
          winograd_bf16,
          winograd_bf16_small,
          winograd_int8,
          winograd_int8_small,
          winograd_f32_stride_2,
          winograd_bf16_stride_2,
          winograd_int8_stride_2,
          strassen_f32,
          strassen_words,
          matched};
}

}  // namespace
}  // namespace tessera
