#include "models/bert.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "models/bert_positions.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

using Integers = std::vector<std::int64_t>;

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
  BertBuilder(const BertConfig& config, WeightSource& source) : config_(config), write_(graph_, source) {
    graph_.name = config.name;
  }

  Graph build() {
    const auto input = [&](const char* name) {
      return graph_.add_input(name, DataType::i64, SymbolicShape({Dim("batch"), Dim("seq")}));
    };
    const ValueId ids = input("input_ids"), attention_mask = input("attention_mask");
    const ValueId types = config_.token_type_input ? input("token_type_ids") : no_value;
    add_constants();
    ValueId x = embeddings(ids, types);
    const ValueId mask = score_bias(ids, attention_mask);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) x = encoder_layer(x, mask, layer);
    finish(x);
    infer_shapes(graph_);
    return std::move(graph_);
  }

 private:
  void add_constants() {
    masked_ = write_.scalar("masked", std::numeric_limits<float>::lowest());
    const std::int64_t head_size = config_.hidden / config_.heads;
    head_scale_ = write_.scalar("sqrt_head_size", std::sqrt(static_cast<float>(head_size)));
    // 0 keeps the extent of the input: batch and sequence.
    split_heads_ = write_.integers("split_heads", {0, 0, config_.heads, head_size});
    merge_heads_ = write_.integers("merge_heads", {0, 0, config_.hidden});
  }

  [[nodiscard]] std::int64_t embedding_width() const {
    return config_.embedding > 0 ? config_.embedding : config_.hidden;
  }

  ValueId table(const std::string& name, std::int64_t rows, ValueId indices) {
    return write_.embedding("embeddings." + name + ".weight", Shape{rows, embedding_width()},
                            {.deviation = embedding_deviation, .first_row_zero = name == "word_embeddings"}, indices,
                            "/embeddings/" + name + "/Gather");
  }

  ValueId embeddings(ValueId ids, ValueId types) {
    ValueId x = table("word_embeddings", config_.vocabulary, ids);
    if (config_.token_types > 0) {
      // Without an input every token takes the first row.
      if (types == no_value) types = write_.integer("first_type", 0);
      x = write_.append("Add", "/embeddings/Add", {x, table("token_type_embeddings", config_.token_types, types)});
    }
    const ValueId positions = config_.positions_skip_padding
                                  ? positions_among_tokens(write_, ids, config_.padding_token)
                                  : positions_in_sequence(write_, ids, config_.positions);
    const ValueId places = table("position_embeddings", config_.positions, positions);
    x = write_.layer_norm(write_.append("Add", "/embeddings/Add_1", {x, places}), "embeddings.LayerNorm",
                          "/embeddings/LayerNorm", embedding_width(), config_.epsilon);
    if (embedding_width() == config_.hidden) return x;
    return write_.linear(x,
                         {"embeddings_project", "/embeddings_project", embedding_width(), config_.hidden, unit_gain});
  }

  /// What is added to the scores: [batch, 1, 1, seq], 0 where a token may be attended to, the lowest number where not;
  /// with a bias by distance [batch, heads, seq, seq].
  ValueId score_bias(ValueId ids, ValueId attention_mask) {
    ValueId mask = write_.append("Unsqueeze", "/Unsqueeze", {attention_mask, write_.integers("head_axis", {1})});
    mask = write_.append("Unsqueeze", "/Unsqueeze_1", {mask, write_.integers("query_axis", {2})});
    mask = write_.append("Cast", "/Cast", {mask}, {{"to", std::int64_t{1}}});  // 1: FLOAT
    mask = write_.append("Sub", "/Sub", {write_.scalar("one", 1.0F), mask});
    mask = write_.append("Mul", "/Mul", {mask, masked_});
    if (config_.relative_buckets == 0) return mask;
    const ValueId distances = bias_by_distance(write_, ids, config_.positions, config_.relative_buckets, config_.heads);
    return write_.append("Add", "/relative_attention_bias/Add", {distances, mask});
  }

  ValueId encoder_layer(ValueId x, ValueId mask, std::int64_t layer) {
    const std::string name = "encoder.layer." + std::to_string(layer) + ".";
    const std::string scope = "/encoder/layer." + std::to_string(layer);
    const std::int64_t hidden = config_.hidden, intermediate = config_.intermediate;
    const ValueId context = attention(x, mask, name + "attention.self.", scope + "/attention/self");
    const ValueId attended = write_.linear(
        context, {name + "attention.output.dense", scope + "/attention/output/dense", hidden, hidden, branch_gain});
    x = residual_norm(attended, x, name + "attention.output.LayerNorm", scope + "/attention/output");
    const ValueId wide =
        write_.linear(x, {name + "intermediate.dense", scope + "/intermediate/dense", hidden, intermediate, unit_gain});
    const ValueId narrow =
        write_.linear(write_.activation(wide, config_.activation, scope + "/intermediate"),
                      {name + "output.dense", scope + "/output/dense", intermediate, hidden, branch_gain});
    return residual_norm(narrow, x, name + "output.LayerNorm", scope + "/output");
  }

  ValueId attention(ValueId x, ValueId mask, const std::string& name, const std::string& scope) {
    const auto heads = [&](const char* part, const std::string& suffix, Integers permutation, float gain) {
      const ValueId flat = write_.linear(x, {name + part, scope + "/" + part, config_.hidden, config_.hidden, gain});
      const ValueId split = write_.append("Reshape", scope + "/Reshape" + suffix, {flat, split_heads_});
      return write_.append("Transpose", scope + "/Transpose" + suffix, {split}, {{"perm", std::move(permutation)}});
    };
    const ValueId query = heads("query", "", {0, 2, 1, 3}, score_gain);
    const ValueId key = heads("key", "_1", {0, 2, 3, 1}, score_gain);  // transposed for the product with the queries
    const ValueId value = heads("value", "_2", {0, 2, 1, 3}, unit_gain);
    ValueId scores = write_.append("MatMul", scope + "/MatMul", {query, key});
    scores = write_.append("Div", scope + "/Div", {scores, head_scale_});
    scores = write_.append("Add", scope + "/Add", {scores, mask});
    const ValueId weights = write_.append("Softmax", scope + "/Softmax", {scores}, {{"axis", std::int64_t{-1}}});
    ValueId context = write_.append("MatMul", scope + "/MatMul_1", {weights, value});
    context = write_.append("Transpose", scope + "/Transpose_3", {context}, {{"perm", Integers{0, 2, 1, 3}}});
    return write_.append("Reshape", scope + "/Reshape_3", {context, merge_heads_});
  }

  ValueId residual_norm(ValueId x, ValueId residual, const std::string& name, const std::string& scope) {
    return write_.layer_norm(write_.append("Add", scope + "/Add", {x, residual}), name, scope + "/LayerNorm",
                             config_.hidden, config_.epsilon);
  }

  /// The outputs.
  void finish(ValueId x) {
    using Head = BertConfig::Head;
    const auto output = [&](ValueId value, const char* name) {
      graph_.value(value).name = name;
      graph_.outputs.push_back(value);
    };
    const Linear classifier{config_.head_output, "/" + config_.head_output, config_.hidden, config_.classes, unit_gain};
    switch (config_.head) {
      case Head::none: return output(x, "last_hidden_state");
      case Head::pooler: output(x, "last_hidden_state"); return output(first_token(x), "pooler_output");
      case Head::sequence_classes: return output(write_.linear_of_rows(first_token(x), classifier), "logits");
      case Head::token_classes: return output(write_.linear(x, classifier), "logits");
    }
  }

  /// The hidden layer of a head, of the first token: [batch, hidden].
  ValueId first_token(ValueId x) {
    const ValueId first = write_.gather(x, write_.integer("first_token", 0), "/pooler/Gather", 1);
    if (config_.head_dense.empty()) return first;
    const ValueId dense =
        write_.linear_of_rows(first, {config_.head_dense, "/pooler/dense", config_.hidden, config_.hidden, unit_gain});
    return write_.activation(dense, config_.head_activation, "/pooler");
  }

  const BertConfig& config_;
  Graph graph_;
  LayerWriter write_;
  ValueId masked_ = no_value, head_scale_ = no_value, split_heads_ = no_value, merge_heads_ = no_value;
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

Graph build_bert(const BertConfig& config, WeightSource& source) {
  return BertBuilder(config, source).build();
}

Graph build_bert(const BertConfig& config, std::uint64_t seed) {
  SeededWeights source(seed);
  return build_bert(config, source);
}

}  // namespace tessera
