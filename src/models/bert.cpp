#include "models/bert.hpp"

#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "models/random.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

using Integers = std::vector<std::int64_t>;

constexpr float epsilon = 1e-12F;

// How much larger a linear layer's output is than its input, both taken as independent numbers: weights have the
// deviation gain / sqrt(inputs). Trained networks attend to few tokens and keep tokens apart through all layers; random
// ones do so only with queries and keys above unit size and with residual branches that are small against what they are
// added to.
constexpr float score_gain = 1.5F;
constexpr float branch_gain = 0.5F;
constexpr float unit_gain = 1.0F;
// Embeddings pass through a LayerNormalization at once: only their proportions matter.
constexpr float embedding_deviation = 0.04F;

class BertBuilder {
 public:
  BertBuilder(const BertConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {
    graph_.name = config.name;
  }

  Graph build() {
    const auto input = [&](const char* name) {
      return graph_.add_input(name, DataType::i64, SymbolicShape({Dim("batch"), Dim("seq")}));
    };
    const ValueId ids = input("input_ids"), attention_mask = input("attention_mask"), types = input("token_type_ids");
    add_scalars();
    ValueId x = embeddings(ids, types);
    const ValueId mask = additive_mask(attention_mask);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) x = encoder_layer(x, mask, layer);
    const ValueId pooled = pooler(x);
    graph_.value(x).name = "last_hidden_state";
    graph_.value(pooled).name = "pooler_output";
    graph_.outputs = {x, pooled};
    infer_shapes(graph_);
    return std::move(graph_);
  }

 private:
  void add_scalars() {
    one_ = scalar("one", 1.0F);
    half_ = scalar("half", 0.5F);
    sqrt_two_ = scalar("sqrt_two", std::numbers::sqrt2_v<float>);
    masked_ = scalar("masked", std::numeric_limits<float>::lowest());
    const std::int64_t head_size = config_.hidden / config_.heads;
    head_scale_ = scalar("sqrt_head_size", std::sqrt(static_cast<float>(head_size)));
    // 0 keeps the extent of the input: batch and sequence.
    split_heads_ = integers("split_heads", {0, 0, config_.heads, config_.hidden / config_.heads});
    merge_heads_ = integers("merge_heads", {0, 0, config_.hidden});
  }

  ValueId embeddings(ValueId ids, ValueId types) {
    const ValueId words =
        gather(table("word_embeddings", config_.vocabulary), ids, "/embeddings/word_embeddings/Gather");
    const ValueId segments =
        gather(table("token_type_embeddings", config_.token_types), types, "/embeddings/token_type_embeddings/Gather");
    const ValueId sum = graph_.append("Add", "/embeddings/Add", {words, segments});
    const ValueId places = gather(table("position_embeddings", config_.positions), position_ids(ids),
                                  "/embeddings/position_embeddings/Gather");
    return layer_norm(graph_.append("Add", "/embeddings/Add_1", {sum, places}), "embeddings.LayerNorm",
                      "/embeddings/LayerNorm");
  }

  /// [0, 1, ... seq - 1], cut from a stored list: [1, seq].
  ValueId position_ids(ValueId ids) {
    Integers positions(static_cast<std::size_t>(config_.positions));
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
    const ValueId all = graph_.add_constant("embeddings.position_ids",
                                            Tensor::from<std::int64_t>(Shape{1, config_.positions}, positions));
    const ValueId shape = graph_.append("Shape", "/embeddings/Shape", {ids});
    const ValueId axis = integers("sequence_axis", {1});
    const ValueId length = gather(shape, axis, "/embeddings/Gather");
    return graph_.append("Slice", "/embeddings/Slice", {all, integers("first", {0}), length, axis});
  }

  ValueId table(const std::string& name, std::int64_t rows) {
    const std::string full = "embeddings." + name + ".weight";
    Tensor weights = normal_tensor(Shape{rows, config_.hidden}, stream(full), embedding_deviation);
    if (name == "word_embeddings")  // the padding token
      for (float& element : weights.mutable_as<float>().first(static_cast<std::size_t>(config_.hidden))) element = 0.0F;
    return graph_.add_constant(full, std::move(weights));
  }

  /// 0 where a token may be attended to, the lowest number where not: [batch, 1, 1, seq], to be added to the scores.
  ValueId additive_mask(ValueId attention_mask) {
    ValueId mask = graph_.append("Unsqueeze", "/Unsqueeze", {attention_mask, integers("head_axis", {1})});
    mask = graph_.append("Unsqueeze", "/Unsqueeze_1", {mask, integers("query_axis", {2})});
    mask = graph_.append("Cast", "/Cast", {mask}, {{"to", std::int64_t{1}}});  // 1: FLOAT
    mask = graph_.append("Sub", "/Sub", {one_, mask});
    return graph_.append("Mul", "/Mul", {mask, masked_});
  }

  ValueId encoder_layer(ValueId x, ValueId mask, std::int64_t layer) {
    const std::string name = "encoder.layer." + std::to_string(layer) + ".";
    const std::string scope = "/encoder/layer." + std::to_string(layer);
    const std::int64_t hidden = config_.hidden, intermediate = config_.intermediate;
    const ValueId context = attention(x, mask, name + "attention.self.", scope + "/attention/self");
    const ValueId attended = linear(
        context, {name + "attention.output.dense", scope + "/attention/output/dense", hidden, hidden, branch_gain});
    x = residual_norm(attended, x, name + "attention.output.LayerNorm", scope + "/attention/output");
    const ValueId wide =
        linear(x, {name + "intermediate.dense", scope + "/intermediate/dense", hidden, intermediate, unit_gain});
    const ValueId narrow = linear(gelu(wide, scope + "/intermediate"),
                                  {name + "output.dense", scope + "/output/dense", intermediate, hidden, branch_gain});
    return residual_norm(narrow, x, name + "output.LayerNorm", scope + "/output");
  }

  ValueId attention(ValueId x, ValueId mask, const std::string& name, const std::string& scope) {
    const auto heads = [&](const char* part, const std::string& suffix, Integers permutation, float gain) {
      const ValueId flat = linear(x, {name + part, scope + "/" + part, config_.hidden, config_.hidden, gain});
      const ValueId split = graph_.append("Reshape", scope + "/Reshape" + suffix, {flat, split_heads_});
      return graph_.append("Transpose", scope + "/Transpose" + suffix, {split}, {{"perm", std::move(permutation)}});
    };
    const ValueId query = heads("query", "", {0, 2, 1, 3}, score_gain);
    const ValueId key = heads("key", "_1", {0, 2, 3, 1}, score_gain);  // transposed for the product with the queries
    const ValueId value = heads("value", "_2", {0, 2, 1, 3}, unit_gain);
    ValueId scores = graph_.append("MatMul", scope + "/MatMul", {query, key});
    scores = graph_.append("Div", scope + "/Div", {scores, head_scale_});
    scores = graph_.append("Add", scope + "/Add", {scores, mask});
    const ValueId weights = graph_.append("Softmax", scope + "/Softmax", {scores}, {{"axis", std::int64_t{-1}}});
    ValueId context = graph_.append("MatMul", scope + "/MatMul_1", {weights, value});
    context = graph_.append("Transpose", scope + "/Transpose_3", {context}, {{"perm", Integers{0, 2, 1, 3}}});
    return graph_.append("Reshape", scope + "/Reshape_3", {context, merge_heads_});
  }

  /// x * (1 + erf(x / sqrt 2)) / 2
  ValueId gelu(ValueId x, const std::string& scope) {
    ValueId y = graph_.append("Div", scope + "/Div", {x, sqrt_two_});
    y = graph_.append("Erf", scope + "/Erf", {y});
    y = graph_.append("Add", scope + "/Add", {y, one_});
    y = graph_.append("Mul", scope + "/Mul", {x, y});
    return graph_.append("Mul", scope + "/Mul_1", {y, half_});
  }

  struct Linear {
    std::string name, scope;
    std::int64_t inputs, outputs;
    float gain;
  };

  [[nodiscard]] Tensor weights(const std::string& name, const Shape& shape, std::int64_t inputs, float gain) const {
    return normal_weights(shape, stream(name), gain / std::sqrt(static_cast<float>(inputs)));
  }

  /// x * kernel + bias, the kernel [inputs, outputs] as exporters store it: transposed against the module's weight.
  ValueId linear(ValueId x, const Linear& layer) {
    const std::string kernel_name = layer.name + ".kernel";
    const ValueId kernel = graph_.add_constant(
        kernel_name, weights(kernel_name, Shape{layer.inputs, layer.outputs}, layer.inputs, layer.gain));
    const ValueId product = graph_.append("MatMul", layer.scope + "/MatMul", {x, kernel});
    return graph_.append("Add", layer.scope + "/Add",
                         {vector(layer.name + ".bias", layer.outputs, 0.0F, 0.02F), product});
  }

  ValueId residual_norm(ValueId x, ValueId residual, const std::string& name, const std::string& scope) {
    return layer_norm(graph_.append("Add", scope + "/Add", {x, residual}), name, scope + "/LayerNorm");
  }

  ValueId layer_norm(ValueId x, const std::string& name, const std::string& scope) {
    return graph_.append(
        "LayerNormalization", scope + "/LayerNormalization",
        {x, vector(name + ".weight", config_.hidden, 1.0F, 0.1F), vector(name + ".bias", config_.hidden, 0.0F, 0.02F)},
        {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}});
  }

  ValueId pooler(ValueId x) {
    const ValueId first = graph_.append("Gather", "/pooler/Gather",
                                        {x, graph_.add_constant("first_token", Tensor::scalar(std::int64_t{0}))},
                                        {{"axis", std::int64_t{1}}});
    const std::string name = "pooler.dense.weight";
    const ValueId weight =
        graph_.add_constant(name, weights(name, Shape{config_.hidden, config_.hidden}, config_.hidden, unit_gain));
    const ValueId dense = graph_.append("Gemm", "/pooler/dense/Gemm",
                                        {first, weight, vector("pooler.dense.bias", config_.hidden, 0.0F, 0.02F)},
                                        {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
    return graph_.append("Tanh", "/pooler/Tanh", {dense});
  }

  ValueId gather(ValueId data, ValueId indices, const std::string& name) {
    return graph_.append("Gather", name, {data, indices}, {{"axis", std::int64_t{0}}});
  }
  ValueId vector(const std::string& name, std::int64_t size, float mean, float deviation) {
    return graph_.add_constant(name, normal_tensor(Shape{size}, stream(name), deviation, mean));
  }
  ValueId scalar(const char* name, float value) { return graph_.add_constant(name, Tensor::scalar(value)); }
  ValueId integers(const char* name, const Integers& values) {
    return graph_.add_constant(name,
                               Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
  }
  [[nodiscard]] RandomStream stream(const std::string& name) const { return {seed_, name}; }

  const BertConfig& config_;
  std::uint64_t seed_;
  Graph graph_;
  ValueId one_ = no_value, half_ = no_value, sqrt_two_ = no_value, masked_ = no_value, head_scale_ = no_value;
  ValueId split_heads_ = no_value, merge_heads_ = no_value;
};

}  // namespace

BertConfig bert_base() {
  return {};
}

BertConfig bert_large() {
  BertConfig config;
  config.name = "bert-large";
  config.layers = 24;
  config.heads = 16;
  config.hidden = 1024;
  config.intermediate = 4096;
  return config;
}

Graph build_bert(const BertConfig& config, std::uint64_t seed) {
  return BertBuilder(config, seed).build();
}

}  // namespace tessera
