#include "compile/product/gemm_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

#include "compile/product/byte_products.hpp"
#include "kernels/brgemm/overflow.hpp"

namespace tessera {
namespace {

std::int64_t padded_columns(const BrgemmKernel& kernel, const GemmWeights& weights) {
  return static_cast<std::int64_t>(
      round_up(static_cast<std::size_t>(weights.columns), static_cast<std::size_t>(kernel.nr)));
}

/// Columns [channels][taps] -> [taps][channels]; the elements may lie at any alignment.
template <typename Element>
void taps_first(const std::byte* from, std::int64_t columns, std::int64_t channels, std::int64_t taps, std::byte* to) {
  const auto size = static_cast<std::int64_t>(sizeof(Element));
  for (std::int64_t n = 0; n < columns; ++n, to += channels * taps * size)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t t = 0; t < taps; ++t, from += size)
        std::memcpy(to + (t * channels + c) * size, from, sizeof(Element));
}

/// The columns of one group whose taps are innermost, panel by panel: the reordered elements stay in a cache.
void pack_taps(const BrgemmKernel& kernel, const GemmWeights& weights, DataType type, const std::byte* from,
               std::byte* packed) {
  const std::int64_t k = total_k(weights), channels = k / weights.taps;
  const std::size_t panel_bytes = packed_panel_bytes(kernel, weights.segment_k);
  const std::size_t column_bytes = static_cast<std::size_t>(k) * size_of(type);
  AlignedBuffer reordered(column_bytes * static_cast<std::size_t>(kernel.nr));
  for (std::int64_t n = 0; n < weights.columns; n += kernel.nr, packed += panel_bytes) {
    const std::int64_t columns = std::min<std::int64_t>(kernel.nr, weights.columns - n);
    const std::byte* first = from + static_cast<std::size_t>(n) * column_bytes;
    if (type == DataType::f32)
      taps_first<float>(first, columns, channels, weights.taps, reordered.data());
    else
      taps_first<std::int8_t>(first, columns, channels, weights.taps, reordered.data());
    pack_b(kernel, {reordered.data(), type, k, columns, 1, k}, weights.segment_k, packed);
  }
}

void pack_all(const BrgemmKernel& kernel, const GemmWeights& weights, DataType type, const std::byte* from,
              std::byte* packed) {
  const std::int64_t k = total_k(weights);
  const std::size_t from_bytes = static_cast<std::size_t>(weights.columns * k) * size_of(type);
  const std::size_t packed_bytes = packed_b_bytes(kernel, weights.segment_k, weights.columns);
  for (std::int64_t g = 0; g < weights.groups; ++g, from += from_bytes, packed += packed_bytes) {
    if (weights.taps > 1)
      pack_taps(kernel, weights, type, from, packed);
    else if (weights.columns_innermost)
      pack_b(kernel, {from, type, k, weights.columns, weights.columns, 1}, weights.segment_k, packed);
    else
      pack_b(kernel, {from, type, k, weights.columns, 1, k}, weights.segment_k, packed);
  }
}

/// The same for kernels that read the same panels: those for other numbers of rows, or of other tiers.
std::string packed_form(const BrgemmKernel& kernel) {
  return std::string(name_of(kernel.b)) + "/" + std::to_string(kernel.k_group) + "x" + std::to_string(kernel.nr) +
         (reads_overflows(kernel) ? " marked" : "");
}

std::int32_t zero_point_of(const Quantization& quantization, std::size_t column) {
  return quantization.zero_point[quantization.per_tensor() ? 0 : column];
}

/// Sum over k of each column of s8 weights, zero points taken off.
std::vector<std::int32_t> column_sums(const GemmWeights& weights, const Quantization& quantization,
                                      const std::byte* constant) {
  const std::int64_t k = total_k(weights), columns = weights.groups * weights.columns;
  const auto* elements = reinterpret_cast<const std::int8_t*>(constant);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(columns));
  if (weights.columns_innermost) {
    for (std::int64_t i = 0; i < k; ++i, elements += columns)
      for (std::int64_t n = 0; n < columns; ++n) sums[static_cast<std::size_t>(n)] += elements[n];
  } else {
    for (std::int32_t& sum : sums) {
      sum = std::accumulate(elements, elements + k, std::int32_t{0});
      elements += k;
    }
  }
  for (std::size_t n = 0; n < sums.size(); ++n)
    sums[n] -= static_cast<std::int32_t>(k) * zero_point_of(quantization, n);
  return sums;
}

/// A padded column array of 4-byte elements; `element(column)` is called for valid columns.
template <typename T, typename F>
std::shared_ptr<const AlignedBuffer> column_array(const BrgemmKernel& kernel, const GemmWeights& weights, F element) {
  const std::int64_t padded = padded_columns(kernel, weights);
  auto buffer = std::make_shared<AlignedBuffer>(static_cast<std::size_t>(padded * weights.groups) * sizeof(T));
  auto* out = reinterpret_cast<T*>(buffer->data());
  for (std::int64_t g = 0; g < weights.groups; ++g)
    for (std::int64_t n = 0; n < weights.columns; ++n)
      out[g * padded + n] = element(static_cast<std::size_t>(g * weights.columns + n));
  return buffer;
}

template <typename T>
const T* kept_array(KeptEpilogue& kept, std::shared_ptr<const AlignedBuffer> array) {
  kept.arrays.push_back(std::move(array));
  return reinterpret_cast<const T*>(kept.arrays.back()->data());
}

/// The real value of 1 in a column of sums.
float scale_of_sums(const GemmWeights& weights, const Value& x, std::size_t n) {
  const std::vector<float>& scales = weights.value->quantization->scale;
  return dequantization(x).scale * scales[weights.value->quantization->per_tensor() ? 0 : n];
}

/// A bias that was s32 is this close to whole numbers: two scales and a product with them have been rounded to f32.
constexpr double rounding_of_steps = 0x1p-21;

/// The bias as integers that join the sums, where it is nothing else (files have s32 biases); empty where it is, where
/// it may not be so, or where sums would not fit s32 with it. Others are not rounded: where outliers make the unit of
/// the sums coarse, that would be the largest error of the layer.
std::vector<std::int32_t> bias_of_sums(const GemmWeights& weights, const Value& x, const ColumnBias& bias) {
  if (bias.value == nullptr || !bias.may_join_sums) return {};
  // u8 * s8, and a compensation that may be as large.
  const double most = 2147483647.0 - 2.0 * 255 * 255 * static_cast<double>(total_k(weights));
  const auto values = bias.value->constant.as<float>();
  std::vector<std::int32_t> whole;
  whole.reserve(values.size());
  for (const float value : values) {
    const double scale = scale_of_sums(weights, x, whole.size());
    const double steps = static_cast<double>(value) / scale, rounded = std::nearbyint(steps);
    const bool is_whole = std::abs(steps - rounded) <= rounding_of_steps * std::abs(steps);
    if (!is_whole || !(std::abs(rounded) < most)) return {};
    whole.push_back(static_cast<std::int32_t>(rounded));
  }
  return whole;
}

/// A number that tells sequences of integers apart.
std::uint64_t fingerprint(const std::vector<std::int32_t>& values) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a by 32 bits, and a final mix of its high half
  for (const std::int32_t value : values) hash = (hash ^ static_cast<std::uint32_t>(value)) * 0x100000001b3U;
  return hash ^ (hash >> 32U);
}

/// What sums start from: `starts` (none: 0) less what the zero point of A adds. That takes the weights, so it is there
/// once they are packed; plans of other extents share it.
PackedWeight compensation(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights,
                          std::int32_t zero_point, std::vector<std::int32_t> starts) {
  const std::int64_t padded = padded_columns(kernel, weights);
  const std::string form = "compensation/" + std::to_string(kernel.nr) + "/" + geometry_of(weights) + "/" +
                           std::to_string(zero_point) + "/" + std::to_string(starts.size()) + "/" +
                           std::to_string(fingerprint(starts)) + "/" +
                           std::to_string(fingerprint(weights.value->quantization->zero_point));
  const std::size_t bytes = static_cast<std::size_t>(padded * weights.groups) * sizeof(std::int32_t);
  auto fill = [=, starts = std::move(starts), quantization = *weights.value->quantization](const std::byte* read,
                                                                                           std::byte* packed) {
    const auto sums =
        zero_point != 0 ? column_sums(weights, quantization, read) : std::vector<std::int32_t>(starts.size());
    auto* const out = reinterpret_cast<std::int32_t*>(packed);
    for (std::size_t n = 0; n < sums.size(); ++n) {
      const auto column = static_cast<std::int64_t>(n);
      out[column / weights.columns * padded + column % weights.columns] =
          (starts.empty() ? 0 : starts[n]) - zero_point * sums[n];
    }
  };
  return builder.weights().get(weights.value->constant, form, bytes, std::move(fill));
}

/// Whoever chooses has measured this machine; else it is measured here.
bool dot_products_pay(const Builder& builder) {
  return bf16_dot_pays(builder.asks() ? builder.machine() : bf16_constants_here());
}

/// Fewer rows do not repay widening them once for all panels, and are bound by reading the weights, which are half as
/// large in bytes.
constexpr std::int64_t least_widened_rows = 24;

}  // namespace

std::string geometry_of(const GemmWeights& weights) {
  return std::to_string(weights.groups) + "/" + std::to_string(weights.taps) + "/" +
         std::to_string(weights.segment_k.size()) + (weights.columns_innermost ? "/kn" : "/nk");
}

const std::byte* pack_weights(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights) {
  const std::string form = packed_form(kernel) + "/" + geometry_of(weights);
  const std::size_t bytes =
      packed_b_bytes(kernel, weights.segment_k, weights.columns) * static_cast<std::size_t>(weights.groups) +
      mark_bytes(kernel, weights);
  const Tensor& tensor = weights.value->constant;
  auto pack = [&kernel, weights, type = tensor.type()](const std::byte* from, std::byte* packed) {
    pack_all(kernel, weights, type, from, packed);
    mark_panels(kernel, weights, packed);
  };
  return builder.keep(builder.weights().get(tensor, form, bytes, std::move(pack)), true);
}

void fill_epilogue(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights, const Value& x,
                   const ColumnBias& bias, const ColumnUnits& units, KeptEpilogue& kept) {
  const std::vector<std::int32_t> in_sums = bias_of_sums(weights, x, bias);
  const Value* const added_later = in_sums.empty() ? bias.value : nullptr;
  if (added_later != nullptr || units.offset != 0) {
    const float* values = added_later == nullptr ? nullptr : added_later->constant.as<float>().data();
    kept.epilogue.bias = kept_array<float>(kept, column_array<float>(kernel, weights, [&](std::size_t n) {
                                             return (values == nullptr ? 0 : values[n] / units.step) + units.offset;
                                           }));
  }
  if (weights.value->constant.type() != DataType::s8) return;
  const Dequantize dx = dequantization(x);
  kept.epilogue.scale = kept_array<float>(kept, column_array<float>(kernel, weights, [&](std::size_t n) {
                                            return scale_of_sums(weights, x, n) / units.step;
                                          }));
  if (dx.zero_point != 0 || !in_sums.empty())
    kept.epilogue.compensation =
        kept_array<std::int32_t>(kept, compensation(builder, kernel, weights, dx.zero_point, in_sums));
}

std::int64_t total_k(const GemmWeights& weights) {
  return std::accumulate(weights.segment_k.begin(), weights.segment_k.end(), std::int64_t{0});
}

bool has_zero_points(const Value& weights) {
  if (weights.constant.type() != DataType::s8) return false;
  return std::ranges::any_of(weights.quantization->zero_point, [](std::int32_t zero) { return zero != 0; });
}

const std::int32_t* row_sum_factors(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights) {
  if (!has_zero_points(*weights.value)) return nullptr;
  auto factors = column_array<std::int32_t>(
      kernel, weights, [&](std::size_t n) { return -zero_point_of(*weights.value->quantization, n); });
  return reinterpret_cast<const std::int32_t*>(builder.keep(std::move(factors), false));
}

double most_magnitude(const GemmWeights& weights, const Value& x, const Value* bias) {
  const auto magnitude = [](float a, float b) { return std::abs(a) < std::abs(b); };
  const std::vector<float>& scales = weights.value->quantization->scale;
  const double scale = std::abs(static_cast<double>(*std::max_element(scales.begin(), scales.end(), magnitude)));
  const double weight = has_zero_points(*weights.value) ? 255.0 : 128.0;
  double most = 255.0 * weight * static_cast<double>(total_k(weights)) * scale * dequantization(x).scale;
  if (bias != nullptr) {
    const auto values = bias->constant.as<float>();
    most += std::abs(static_cast<double>(*std::max_element(values.begin(), values.end(), magnitude)));
  }
  return most;
}

const BrgemmKernel* gemm_kernel(const Builder& builder, const Value& x, const Value& weights, std::int64_t rows) {
  if (!weights.is_constant()) return nullptr;
  const auto find = [&](DataType a, DataType b) { return find_brgemm(a, b, builder.isa(), rows); };
  if (x.type == DataType::u8) {
    const bool quantized = x.quantization && x.quantization->per_tensor() && weights.quantization;
    if (!quantized || weights.constant.type() != DataType::s8) return nullptr;
    const BrgemmKernel* kernel = find(DataType::u8, DataType::s8);
    return has_int8_dot(kernel->isa) || rows < least_widened_rows ? kernel : find(DataType::s16, DataType::s16);
  }
  if (weights.constant.type() != DataType::f32) return nullptr;
  if (x.type == DataType::bf16) {
    const BrgemmKernel* kernel = find(DataType::bf16, DataType::bf16);
    if (has_tiles(builder.isa())) return kernel;
    if (has_bf16_dot(kernel->isa)) {
      if (dot_products_pay(builder)) return kernel;
      // However few rows: dot products round differently, and a part of a batch has fewer rows than the batch.
      kernel = find_brgemm(DataType::bf16, DataType::bf16, Isa::avx512_core, rows);
    }
    return rows < least_widened_rows ? kernel : find(DataType::f32, DataType::bf16);
  }
  if (x.type == DataType::f32) return find(DataType::f32, DataType::f32);
  return nullptr;
}

std::string gemm_precision(const BrgemmKernel& kernel, DataType c) {
  // s16 is how bytes are multiplied, and f32 how bf16 is, not what is multiplied.
  const DataType b = kernel.b == DataType::s16 ? DataType::s8 : kernel.b;
  const DataType a = b == DataType::s8 ? DataType::u8 : b;
  return std::string(name_of(a)) + "*" + std::string(name_of(b)) + "->" + std::string(name_of(c));
}

}  // namespace tessera
