#include "plan/gemm_weights.hpp"

#include <cstring>
#include <memory>
#include <numeric>

namespace tessera {
namespace {

std::int64_t total_k(const GemmWeights& weights) {
  return std::accumulate(weights.segment_k.begin(), weights.segment_k.end(), std::int64_t{0});
}

std::int64_t padded_columns(const BrgemmKernel& kernel, const GemmWeights& weights) {
  return static_cast<std::int64_t>(
      round_up(static_cast<std::size_t>(weights.columns), static_cast<std::size_t>(kernel.nr)));
}

/// [columns][channels][taps] -> [columns][taps][channels], element by element of `size` bytes.
AlignedBuffer taps_first(const Tensor& tensor, std::int64_t columns, std::int64_t channels, std::int64_t taps) {
  const std::size_t size = size_of(tensor.type());
  AlignedBuffer reordered(tensor.bytes());
  const std::byte* from = tensor.data();
  std::byte* to = reordered.data();
  for (std::int64_t n = 0; n < columns; ++n)
    for (std::int64_t t = 0; t < taps; ++t)
      for (std::int64_t c = 0; c < channels; ++c, to += size)
        std::memcpy(to, from + static_cast<std::size_t>((n * channels + c) * taps + t) * size, size);
  return reordered;
}

AlignedBuffer pack_all(const BrgemmKernel& kernel, const GemmWeights& weights) {
  const Tensor& tensor = weights.value->constant;
  const std::int64_t k = total_k(weights);
  AlignedBuffer reordered;
  const std::byte* data = tensor.data();
  if (weights.taps > 1) {
    reordered = taps_first(tensor, weights.groups * weights.columns, k / weights.taps, weights.taps);
    data = reordered.data();
  }
  const std::size_t group_bytes = packed_b_bytes(kernel, weights.segment_k, weights.columns);
  AlignedBuffer packed(group_bytes * static_cast<std::size_t>(weights.groups));
  for (std::int64_t g = 0; g < weights.groups; ++g) {
    BMatrix source{data, tensor.type(), k, weights.columns, 1, k};
    if (weights.columns_innermost) {
      source.k_stride = weights.columns;
      source.n_stride = 1;
    }
    source.data += static_cast<std::size_t>(g * weights.columns * k) * size_of(tensor.type());
    pack_b(kernel, source, weights.segment_k, packed.data() + static_cast<std::size_t>(g) * group_bytes);
  }
  return packed;
}

/// Sum over k of each column of s8 weights.
std::vector<std::int32_t> column_sums(const GemmWeights& weights) {
  const std::int64_t k = total_k(weights), columns = weights.groups * weights.columns;
  const auto elements = weights.value->constant.as<std::int8_t>();
  std::vector<std::int32_t> sums(static_cast<std::size_t>(columns));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto column =
        weights.columns_innermost ? static_cast<std::int64_t>(i) % columns : static_cast<std::int64_t>(i) / k;
    sums[static_cast<std::size_t>(column)] += elements[i];
  }
  return sums;
}

/// A padded column array of 4-byte elements; `element(column)` is called for valid columns.
template <typename T, typename F>
const T* column_array(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights, F element) {
  const std::int64_t padded = padded_columns(kernel, weights);
  auto buffer = std::make_shared<AlignedBuffer>(static_cast<std::size_t>(padded * weights.groups) * sizeof(T));
  auto* out = reinterpret_cast<T*>(buffer->data());
  for (std::int64_t g = 0; g < weights.groups; ++g)
    for (std::int64_t n = 0; n < weights.columns; ++n)
      out[g * padded + n] = element(static_cast<std::size_t>(g * weights.columns + n));
  builder.keep(std::move(buffer), false);
  return out;
}

/// Fewer rows are bound by reading the weights, which are half as large in bytes.
constexpr std::int64_t least_widened_rows = 24;

bool multiplies_bytes(const BrgemmKernel& kernel) {
  return kernel.k_group == 4;
}

}  // namespace

const std::byte* pack_weights(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights) {
  std::string form = std::string(kernel.name) + "/" + std::to_string(weights.groups) + "/" +
                     std::to_string(weights.taps) + "/" + std::to_string(weights.segment_k.size()) +
                     (weights.columns_innermost ? "/kn" : "/nk");
  return builder.keep(builder.weights().get(weights.value->constant, form, [&] { return pack_all(kernel, weights); }),
                      true);
}

void fill_epilogue(Builder& builder, const BrgemmKernel& kernel, const GemmWeights& weights, const Value& x,
                   const Value* bias, Epilogue& epilogue) {
  if (bias != nullptr) {
    const auto values = bias->constant.as<float>();
    epilogue.bias = column_array<float>(builder, kernel, weights, [&](std::size_t n) { return values[n]; });
  }
  if (weights.value->constant.type() != DataType::s8) return;
  const Quantization& w = *weights.value->quantization;
  const Dequantize dx = dequantization(x);
  epilogue.scale = column_array<float>(builder, kernel, weights,
                                       [&](std::size_t n) { return dx.scale * w.scale[w.per_tensor() ? 0 : n]; });
  if (dx.zero_point == 0) return;
  const std::vector<std::int32_t> sums = column_sums(weights);
  epilogue.compensation =
      column_array<std::int32_t>(builder, kernel, weights, [&](std::size_t n) { return -dx.zero_point * sums[n]; });
}

Activation activation_of(const Node& node) {
  const auto word = node.attribute_or<std::string>("activation", "none");
  if (word == "none") return Activation::none;
  if (word == "relu") return Activation::relu;
  if (word == "gelu") return Activation::gelu;
  if (word == "tanh") return Activation::tanh;
  reject("node " + node.name + " (" + node.op + ")", "unknown activation " + word);
}

const BrgemmKernel* gemm_kernel(const Builder& builder, const Value& x, const Value& weights, std::int64_t rows) {
  if (!weights.is_constant()) return nullptr;
  const auto find = [&](DataType a, DataType b) { return find_brgemm(a, b, builder.isa(), rows); };
  if (x.type == DataType::u8) {
    const bool quantized = x.quantization && x.quantization->per_tensor() && weights.quantization;
    if (!quantized || weights.constant.type() != DataType::s8) return nullptr;
    const BrgemmKernel* kernel = find(DataType::u8, DataType::s8);
    return multiplies_bytes(*kernel) || rows < least_widened_rows ? kernel : find(DataType::s16, DataType::s16);
  }
  if (weights.constant.type() != DataType::f32) return nullptr;
  if (x.type == DataType::bf16) return find(DataType::bf16, DataType::bf16);
  if (x.type == DataType::f32) return find(DataType::f32, DataType::f32);
  return nullptr;
}

std::string gemm_precision(const BrgemmKernel& kernel, DataType c) {
  // s16 is how bytes are multiplied, not what is multiplied.
  const bool widened = kernel.a == DataType::s16;
  return std::string(name_of(widened ? DataType::u8 : kernel.a)) + "*" +
         std::string(name_of(widened ? DataType::s8 : kernel.b)) + "->" + std::string(name_of(c));
}

}  // namespace tessera
