#include "models/bert_positions.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace tessera {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr std::int64_t to_float = 1, to_integer = 7;  // ONNX's numbers of FLOAT and INT64

/// The extent of the sequence, [1].
ValueId sequence_length(LayerWriter& write, ValueId ids) {
  const ValueId shape = write.append("Shape", "/embeddings/Shape", {ids});
  return write.gather(shape, write.integers("sequence_axis", {1}), "/embeddings/Gather");
}

/// T5's rule (Raffel et al., section 2.1): half of the buckets for each direction; in each half the first ones hold one
/// distance each, the others grow in proportion up to a distance of 128.
std::int64_t bucket_of(std::int64_t distance, std::int64_t buckets) {
  constexpr double largest_distance = 128;
  const std::int64_t half = buckets / 2, exact = half / 2;
  const std::int64_t side = distance < 0 ? half : 0, length = std::abs(distance);
  if (length < exact) return side + length;
  // In float, as PyTorch computes it: the bounds between buckets lie where its rounding puts them.
  const float share = std::log(static_cast<float>(length) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(largest_distance / static_cast<double>(exact))) *
                      static_cast<float>(half - exact);
  return side + std::min(exact + static_cast<std::int64_t>(share), half - 1);
}

}  // namespace

ValueId positions_in_sequence(LayerWriter& write, ValueId ids, std::int64_t most) {
  Integers positions(static_cast<std::size_t>(most));
  std::iota(positions.begin(), positions.end(), 0);
  const ValueId all =
      write.graph().add_constant("embeddings.position_ids", Tensor::from<std::int64_t>(Shape{1, most}, positions));
  const ValueId length = sequence_length(write, ids), axis = write.integers("sequence_axis", {1});
  return write.append("Slice", "/embeddings/Slice", {all, write.integers("first", {0}), length, axis});
}

ValueId positions_among_tokens(LayerWriter& write, ValueId ids, std::int64_t padding) {
  const ValueId pad = write.integer("padding_token", padding);
  const ValueId is_pad = write.append("Equal", "/embeddings/Equal", {ids, pad});
  const ValueId is_token = write.append("Not", "/embeddings/Not", {is_pad});
  const ValueId ones = write.append("Cast", "/embeddings/Cast", {is_token}, {{"to", to_integer}});
  ValueId count = write.append("CumSum", "/embeddings/CumSum", {ones, write.integer("cumulative_axis", 1)});
  count = write.append("Mul", "/embeddings/Mul", {count, ones});
  return write.append("Add", "/embeddings/Add_positions", {count, pad});
}

ValueId bias_by_distance(LayerWriter& write, ValueId ids, std::int64_t most, std::int64_t buckets, std::int64_t heads) {
  Integers table(static_cast<std::size_t>(most * most));
  for (std::int64_t query = 0; query < most; ++query)
    for (std::int64_t key = 0; key < most; ++key)
      table[static_cast<std::size_t>(query * most + key)] = bucket_of(query - key, buckets);
  const ValueId all = write.graph().add_constant("relative_attention_bias.buckets",
                                                 Tensor::from<std::int64_t>(Shape{most, most}, table));
  const ValueId length = sequence_length(write, ids), first = write.integers("first", {0});
  const std::string scope = "/relative_attention_bias";
  ValueId cut = write.append("Slice", scope + "/Slice", {all, first, length, write.integers("query_rows", {0})});
  cut = write.append("Slice", scope + "/Slice_1", {cut, first, length, write.integers("key_columns", {1})});
  ValueId bias = write.embedding("encoder.relative_attention_bias.weight", Shape{buckets, heads}, {.deviation = 0.5F},
                                 cut, scope + "/Gather");
  bias = write.append("Transpose", scope + "/Transpose", {bias}, {{"perm", Integers{2, 0, 1}}});
  return write.append("Unsqueeze", scope + "/Unsqueeze", {bias, write.integers("batch_axis", {0})});
}

}  // namespace tessera
