// The definition of correctness for the vector kernels, in portable code. What is exact in the kernels (conversion,
// quantization,
// +, -, *, /, ReLU, pooling, layout) is computed here with the same operations in float and must agree bit for bit;
// what is rounded along the way there (softmax, LayerNorm, GELU, tanh) is computed in double and rounded once.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/elements.hpp"
#include "kernels/activation.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "kernels/matched/reference.hpp"
#include "kernels/strassen/reference.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/reference.hpp"

namespace tessera {
namespace {

std::int64_t bytes_of(DataType type) {
  return static_cast<std::int64_t>(size_of(type));
}

float get(const RowsIn& in, const std::byte* row, std::int64_t i) {
  const std::byte* const p = row + i * bytes_of(in.type);
  switch (in.type) {
    case DataType::f32: return element<float>(p);
    case DataType::bf16: return static_cast<float>(element<bfloat16>(p));
    default: return static_cast<float>(element<std::uint8_t>(p) - in.quantization.zero_point) * in.quantization.scale;
  }
}

std::uint8_t rounded(float steps, std::int32_t zero_point) {
  if (std::isnan(steps)) return 0;
  const float limited = std::clamp(steps, -65536.0F, 65536.0F);
  const auto whole = static_cast<std::int32_t>(std::nearbyint(limited)) + zero_point;
  return static_cast<std::uint8_t>(std::clamp(whole, 0, 255));
}
std::uint8_t quantize(float x, const Requantize& q) {
  return rounded(x * (1.0F / q.scale), q.zero_point);
}

void put(const RowsOut& out, std::byte* row, std::int64_t i, float x) {
  std::byte* const p = row + i * bytes_of(out.type);
  switch (out.type) {
    case DataType::f32: return set_element(p, 0, x);
    case DataType::bf16: return set_element(p, 0, bfloat16(x));
    default: return set_element(p, 0, quantize(x, out.quantization));
  }
}
/// The same for conversions, which divide.
void put_converted(const RowsOut& out, std::byte* row, std::int64_t i, float x) {
  if (out.type != DataType::u8) return put(out, row, i, x);
  set_element(row + i, 0, rounded(x / out.quantization.scale, out.quantization.zero_point));
}

float combined(Binary op, float a, float b) {
  switch (op) {
    case Binary::add: return a + b;
    case Binary::sub: return a - b;
    case Binary::mul: return a * b;
    case Binary::div: return a / b;
  }
  return a;
}

void softmax(const SoftmaxCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    const std::byte* const x = call.x.data + r * call.x.stride;
    const std::int64_t columns = call.block_columns == 0 ? call.n : call.block_columns;
    const auto score = [&](std::int64_t i) -> double {
      const std::byte* const block = x + i / columns * call.block_stride;
      if (call.x.type != DataType::s32) return get(call.x, block, i % columns);
      std::int32_t sum = 0;
      std::memcpy(&sum, block + i % columns * 4, sizeof(sum));
      return call.compensation == nullptr ? sum : sum + call.compensation[i];
    };
    const auto logit = [&](std::int64_t i) {
      const double mask = call.mask == nullptr ? 0.0 : call.mask[r * call.mask_stride + i];
      return score(i) * call.scale + mask;
    };
    double top = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (std::int64_t i = 0; i < call.n; ++i) top = std::max(top, logit(i));
    for (std::int64_t i = 0; i < call.n; ++i) sum += std::exp(logit(i) - top);
    // y may alias x: each logit is read before its result is written.
    for (std::int64_t i = 0; i < call.n; ++i)
      put(call.y, call.y.data + r * call.y.stride, i, static_cast<float>(std::exp(logit(i) - top) / sum));
  }
}

void layer_norm(const LayerNormCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    const std::byte* const x = call.x.data + r * call.x.stride;
    double sum = 0.0, squares = 0.0;
    for (std::int64_t i = 0; i < call.n; ++i) sum += get(call.x, x, i);
    const double mean = call.centred ? sum / static_cast<double>(call.n) : 0.0;
    for (std::int64_t i = 0; i < call.n; ++i) squares += std::pow(get(call.x, x, i) - mean, 2);
    const double deviation = std::sqrt(squares / static_cast<double>(call.n) + call.epsilon);
    for (std::int64_t i = 0; i < call.n; ++i) {
      const double beta = call.beta == nullptr ? 0.0 : call.beta[i];
      const double y = (get(call.x, x, i) - mean) / deviation * call.gamma[i] + beta;
      put(call.y, call.y.data + r * call.y.stride, i, static_cast<float>(y));
    }
  }
}

void elementwise(const ElementwiseCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    for (std::int64_t i = 0; i < call.n; ++i) {
      float x = get(call.a, call.a.data + r * call.a.stride, i);
      if (call.b.data != nullptr) x = combined(call.op, x, get(call.b, call.b.data + r * call.b.stride, i));
      put(call.y, call.y.data + r * call.y.stride, i, activated(call.activation, call.parameters, x));
    }
  }
}

/// One output of pooling: channel c of the pixel whose window starts at (top, left).
float pooled(const PoolCall& call, std::int64_t top, std::int64_t left, std::int64_t c) {
  float highest = -std::numeric_limits<float>::infinity(), sum = 0.0F;
  std::int32_t byte_sum = 0;
  int pixels = 0;
  for (std::int64_t h = std::max<std::int64_t>(top, 0); h < std::min(top + call.kernel_h, call.height); ++h) {
    for (std::int64_t w = std::max<std::int64_t>(left, 0); w < std::min(left + call.kernel_w, call.width); ++w) {
      const std::byte* const pixel = call.x.data + h * call.x_row_stride + w * call.x.stride;
      const float x = get(call.x, pixel, c);
      highest = highest > x ? highest : x;
      sum += x;
      if (call.x.type == DataType::u8) byte_sum += element<std::uint8_t>(pixel + c) - call.x.quantization.zero_point;
      ++pixels;
    }
  }
  if (!call.average) return highest;
  // u8 adds up in integers and is scaled once.
  if (call.x.type == DataType::u8) sum = static_cast<float>(byte_sum) * call.x.quantization.scale;
  return sum / static_cast<float>(call.count_include_pad ? call.kernel_h * call.kernel_w : pixels);
}

void pool(const PoolCall& call) {
  for (std::int64_t oh = call.first_row; oh < call.last_row; ++oh)
    for (std::int64_t ow = 0; ow < call.out_width; ++ow)
      for (std::int64_t c = 0; c < call.channels; ++c)
        put(call.y, call.y.data + oh * call.y_row_stride + ow * call.y.stride, c,
            pooled(call, oh * call.stride_h - call.pad_top, ow * call.stride_w - call.pad_left, c));
}

void convert(const ConvertCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r)
    for (std::int64_t i = 0; i < call.n; ++i)
      put_converted(call.y, call.y.data + r * call.y.stride, i, get(call.x, call.x.data + r * call.x.stride, i));
}

void quantize_rows(const QuantizeRowsCall& call) {
  for (std::int64_t r = 0; r < call.rows; ++r) {
    const std::byte* const x = call.x.data + r * call.x.stride;
    float largest = 0.0F;
    bool finite = true;
    for (std::int64_t i = 0; i < call.n; ++i) {
      finite = finite && std::isfinite(get(call.x, x, i));
      largest = std::max(largest, std::fabs(get(call.x, x, i)));
    }
    const float scale = finite ? largest * (1.0F / 127.0F) : std::numeric_limits<float>::quiet_NaN();
    call.scales[r] = scale;
    const Requantize to_u8{scale > 0.0F ? scale : std::numeric_limits<float>::infinity(), 128};
    for (std::int64_t i = 0; i < call.n; ++i)
      set_element(call.y + r * call.y_stride + i, 0, quantize(get(call.x, x, i), to_u8));
  }
}

void range(const RangeCall& call) {
  const RowsIn x{call.x, 0, call.type, {}};
  float low = 0.0F, high = 0.0F;
  bool finite = true;
  for (std::int64_t i = 0; i < call.n; ++i) {
    const float value = get(x, call.x, i);
    finite = finite && std::isfinite(value);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  call.range[0] = finite ? low : std::numeric_limits<float>::quiet_NaN();
  call.range[1] = finite ? high : std::numeric_limits<float>::quiet_NaN();
}

std::int32_t sum_bytes(const std::byte* x, std::int64_t n) {
  std::int32_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::to_integer<int>(x[i]);
  return sum;
}

void widen(const WidenCall& call) {
  for (std::int64_t piece = 0; piece < call.pieces; ++piece) {
    const std::byte* const x = call.x + piece * call.x_stride;
    for (std::int64_t i = 0; i < call.n + call.n % 2; ++i)
      set_element(call.y + piece * call.y_stride + i * 2, 0,
                  i < call.n ? static_cast<std::int16_t>(x[i]) : std::int16_t{0});
  }
}

void to_nhwc(const ToNhwcCall& call) {
  for (std::int64_t c = 0; c < call.channels; ++c)
    for (std::int64_t h = call.first_row; h < call.last_row; ++h)
      for (std::int64_t w = 0; w < call.width; ++w)
        put_converted(call.y, call.y.data + h * call.y_row_stride + w * call.y.stride, c,
                      call.x[(c * call.height + h) * call.width + w]);
}

void to_nchw(const ToNchwCall& call) {
  for (std::int64_t c = 0; c < call.channels; ++c)
    for (std::int64_t h = call.first_row; h < call.last_row; ++h)
      for (std::int64_t w = 0; w < call.width; ++w)
        call.y[(c * call.height + h) * call.width + w] =
            get(call.x, call.x.data + h * call.x_row_stride + w * call.x.stride, c);
}

/// An element of a panel that is no float: how far a u8 is from 128.
void put_centred(const PackCall& call, std::int64_t at, std::byte x) {
  const auto centred = static_cast<std::int16_t>(static_cast<int>(x) - 128);
  if (call.k_group == 2)
    std::memcpy(call.target + 2 * at, &centred, sizeof(centred));
  else
    call.target[at] = static_cast<std::byte>(centred);
}

void pack(const PackCall& call) {
  const RowsIn source{nullptr, 0, call.type, {}};
  const RowsOut target{nullptr, 0, call.k_group == 1 ? DataType::f32 : DataType::bf16, {}};
  const std::int64_t groups = (call.k + call.k_group - 1) / call.k_group;
  for (std::int64_t panel = call.first_panel; panel < call.last_panel; ++panel) {
    std::int64_t at = panel * groups * call.nr * call.k_group;
    for (std::int64_t group = 0; group < groups; ++group) {
      for (int column = 0; column < call.nr; ++column) {
        for (int part = 0; part < call.k_group; ++part, ++at) {
          const std::int64_t k = group * call.k_group + part, n = panel * call.nr + column;
          const bool inside = k < call.k && n < call.n;
          if (call.type == DataType::u8) {
            put_centred(call, at, inside ? call.data[k * call.k_stride + n * call.n_stride] : std::byte{128});
            continue;
          }
          put(target, call.target, at,
              inside ? get(source, call.data + k * call.k_stride + n * call.n_stride, 0) : 0.0F);
        }
      }
    }
  }
}

}  // namespace

const VectorKernels& reference_vector_kernels() noexcept {
  static const VectorKernels kernels = {
      "reference",
      Isa::avx2,
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
      depthwise_reference,
      winograd::reference_f32,
      winograd::reference_f32_small,
      winograd::reference_bf16,
      winograd::reference_bf16_small,
      winograd::reference_int8,
      winograd::reference_int8_small,
      winograd::reference_stride_2<float, float, float, float>,
      winograd::reference_stride_2<bfloat16, float, float, float>,
      winograd::reference_stride_2<std::uint8_t, std::int8_t, std::int16_t, std::int32_t>,
      strassen::reference_f32,
      strassen::reference_words,
      &matched::reference};
  return kernels;
}

}  // namespace tessera
