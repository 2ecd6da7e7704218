#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "ops/families.hpp"
#include "ops/op.hpp"

namespace tessera {

namespace {

std::vector<OpSchema> collect() {
  std::vector<OpSchema> all;
  for (const auto family : {shape_ops,
                            movement_ops,
                            select_ops,
                            join_ops,
                            pad_ops,
                            depth_space_ops,
                            cast_ops,
                            compare_ops,
                            elementwise_ops,
                            activation_ops,
                            reduce_ops,
                            normalization_ops,
                            convolution_ops,
                            pooling_ops,
                            matmul_ops,
                            quantization_ops,
                            dynamic_quantization_ops,
                            fused_ops,
                            unary_math_ops,
                            gather_scatter_ops,
                            scan_ops,
                            resize_ops,
                            group_norm_ops,
                            einsum_ops,
                            conv_transpose_ops,
                            attention_ops,
                            rotary_ops}) {
    std::vector<OpSchema> ops = family();
    std::move(ops.begin(), ops.end(), std::back_inserter(all));
  }
  std::sort(all.begin(), all.end(), [](const OpSchema& a, const OpSchema& b) { return a.name < b.name; });
  return all;
}

}  // namespace

std::span<const OpSchema> all_ops() noexcept {
  static const std::vector<OpSchema> all = collect();
  return all;
}

const OpSchema* find_op(std::string_view name) noexcept {
  const auto all = all_ops();
  const auto found =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const OpSchema& schema, std::string_view wanted) { return schema.name < wanted; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace tessera
