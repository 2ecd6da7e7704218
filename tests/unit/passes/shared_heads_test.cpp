// Attention whose heads of Q share heads of K and V, and causal attention: as operator Attention of set 23 and as
// exporters write them out. Results on every tier are those of the nodes one by one.
#include <cstdint>
#include <limits>
#include <vector>

#include "passes/bf16.hpp"
#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr std::int64_t batch = 2, heads = 6, shared = 2, depth = 8, length = 5, keys = 7;
constexpr double tolerance = (6 * depth + 2 * keys + 8) * epsilon;

/// Passes, then plans on every tier: without plain code, `fused` attentions, and the results of the graph before.
void expect_attention(const Net& net, const std::vector<Tensor>& inputs, int fused) {
  Graph before = net.graph;
  infer_shapes(before);
  const Tensor expected = evaluate(before, inputs)[0];
  Graph after = before;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(count(after, "FusedAttention"), fused) << ops_of(after);
  EXPECT_EQ(count(after, "Attention"), 0);
  expect_same(before, after, inputs, tolerance);
  Graph narrow = after;
  convert_to_bf16(narrow);
  infer_shapes(narrow);
  for (const Isa isa : tiers_here()) {
    for (const int threads : {1, 3}) {
      WeightStore weights;
      const auto plan = make_plan(after, isa, weights);
      for (const auto& step : plan->steps) EXPECT_NE(step->info.kernel, "reference") << step->info.op;
      const auto y = run_plan(after, inputs, isa, threads, weights);
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
        ASSERT_NEAR(y[0].as<float>()[i], expected.as<float>()[i], 2 * tolerance) << name_of(isa);
      WeightStore narrow_weights;
      const auto rounded = run_plan(narrow, inputs, isa, threads, narrow_weights);
      // Scores of up to 8 products of operands with 8 bits, probabilities with 8 bits, values up to 1.
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
        ASSERT_NEAR(rounded[0].as<float>()[i], expected.as<float>()[i], 0.05) << name_of(isa);
    }
  }
}

struct Case {
  bool flat, causal, masked;
  float softcap;
};

TEST(SharedHeads, OfOperatorAttention) {
  for (const Case& c : {Case{true, false, false, 0}, Case{false, false, true, 0}, Case{true, true, false, 0},
                        Case{false, true, true, 0}, Case{true, true, true, 2}}) {
    Net net;
    std::vector<Tensor> inputs;
    std::vector<ValueId> operands;
    for (std::size_t i = 0; i < 3; ++i) {
      const std::int64_t count = i == 0 ? heads : shared, tokens = i == 0 ? length : keys;
      const ValueId x = net.input("x", {batch, tokens, count * depth});
      inputs.push_back(random_tensor(Shape{batch, tokens, count * depth}, static_cast<std::uint32_t>(i)));
      operands.push_back(c.flat ? x : net.transpose(net.reshape(x, {0, 0, count, depth}), {0, 2, 1, 3}));
    }
    if (c.masked) {
      operands.push_back(net.input("mask", {batch, 1, 1, keys}));
      inputs.push_back(random_tensor(Shape{batch, 1, 1, keys}, 9, -3, 0));
    }
    Attributes attributes{{"is_causal", std::int64_t{c.causal ? 1 : 0}}, {"softcap", c.softcap}};
    if (c.flat) attributes.insert({{"q_num_heads", heads}, {"kv_num_heads", shared}});
    ValueId y = net.op("Attention", operands, attributes);
    if (!c.flat) y = net.reshape(net.transpose(y, {0, 2, 1, 3}), {0, 0, heads * depth});
    net.output(y);
    expect_attention(net, inputs, c.softcap == 0 ? 1 : 0);
  }
}

/// The mask is made of the length of a graph input, which is known when a plan is made.
TEST(CausalAttention, OfAnyLength) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), Dim("length"), heads * depth});
  const auto heads_of = [&] { return net.transpose(net.reshape(x, {0, 0, heads, depth}), {0, 2, 1, 3}); };
  const ValueId y = net.op("Attention", {heads_of(), heads_of(), heads_of()}, {{"is_causal", std::int64_t{1}}});
  net.output(net.reshape(net.transpose(y, {0, 2, 1, 3}), {0, 0, heads * depth}));
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(count(after, "FusedAttention"), 1) << ops_of(after);
  Graph bound = net.graph;
  for (Graph* graph : {&after, &bound}) bind_shapes(*graph, std::vector<Binding>{{"batch", batch}, {"length", length}});
  const Tensor input = random_tensor(Shape{batch, length, heads * depth}, 1);
  expect_same(bound, after, {input}, tolerance);
}

/// As transformers repeats keys and values.
ValueId repeated(Net& net, ValueId x) {
  const ValueId one = net.op("Unsqueeze", {x, net.constant(indices({2}))});
  const ValueId many = net.op("Expand", {one, net.constant(indices({batch, shared, heads / shared, length, depth}))});
  return net.reshape(many, {batch, heads, length, depth});
}

ValueId split(Net& net, ValueId x, std::int64_t count) {
  return net.transpose(net.reshape(x, {0, 0, count, depth}), {0, 2, 1, 3});
}

TEST(SharedHeads, RepeatedByAnExporterBehindRotaryPositions) {
  for (const bool rotary : {false, true}) {
    Net net;
    const ValueId x = net.input("x", {batch, length, heads * depth}),
                  y = net.input("y", {batch, length, shared * depth});
    const ValueId cosines = net.input("cosines", {1, 1, length, depth}),
                  sines = net.input("sines", {1, 1, length, depth});
    const auto turned = [&](ValueId value) {
      const auto half = [&](std::int64_t begin, std::int64_t end) {
        return net.op("Slice", {value, net.constant(indices({begin})), net.constant(indices({end})),
                                net.constant(indices({-1}))});
      };
      const ValueId other =
          net.op("Concat", {net.op("Neg", {half(depth / 2, depth)}), half(0, depth / 2)}, {{"axis", std::int64_t{-1}}});
      return net.op("Add", {net.op("Mul", {value, cosines}), net.op("Mul", {other, sines})});
    };
    ValueId q = split(net, x, heads), k = split(net, y, shared);
    if (rotary) {
      q = turned(q);
      k = turned(k);
    }
    const ValueId v = repeated(net, split(net, y, shared));
    const ValueId product = net.op("MatMul", {q, net.transpose(repeated(net, k), {0, 1, 3, 2})});
    const ValueId p = net.op("Softmax", {net.op("Mul", {product, net.number(0.3F)})}, {{"axis", std::int64_t{-1}}});
    net.output(net.reshape(net.transpose(net.op("MatMul", {p, v}), {0, 2, 1, 3}), {0, 0, heads * depth}));
    std::vector<Tensor> inputs{
        random_tensor(Shape{batch, length, heads * depth}, 1), random_tensor(Shape{batch, length, shared * depth}, 2),
        random_tensor(Shape{1, 1, length, depth}, 3), random_tensor(Shape{1, 1, length, depth}, 4)};
    expect_attention(net, inputs, 1);
  }
}

/// A causal mask in the place of scores, as GPT-2 and masked_fill have it.
TEST(CausalAttention, AMaskInThePlaceOfScores) {
  for (const bool where_it_holds : {false, true})
    for (const float lowest : {-std::numeric_limits<float>::infinity(), std::numeric_limits<float>::lowest(), -1e4F}) {
      Net net;
      const ValueId x = net.input("x", {batch, length, heads * depth});
      Tensor attended(DataType::boolean, Shape{1, 1, length, length});
      for (std::int64_t i = 0; i < length * length; ++i)
        attended.mutable_data()[i] = static_cast<std::byte>((i % length <= i / length) != where_it_holds);
      ValueId scores = net.op("MatMul", {split(net, x, heads), net.transpose(split(net, x, heads), {0, 1, 3, 2})});
      scores = net.op("Mul", {scores, net.number(0.3F)});
      const ValueId low = net.number(lowest), mask = net.constant(attended);
      scores = where_it_holds ? net.op("Where", {mask, low, scores}) : net.op("Where", {mask, scores, low});
      const ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
      const ValueId v = split(net, x, heads);
      net.output(net.reshape(net.transpose(net.op("MatMul", {p, v}), {0, 2, 1, 3}), {0, 0, heads * depth}));
      // -10000 might be changed by what is added to it, so it stays a Where.
      expect_attention(net, {random_tensor(Shape{batch, length, heads * depth}, 1)}, lowest < -1e30F ? 1 : 0);
    }
}

TEST(CausalAttention, RowsThatAreWhollyMaskedStayTheSame) {
  // With the lowest number instead of infinity, all keys weigh the same.
  Net net;
  const ValueId x = net.input("x", {1, length, depth}), mask = net.input("mask", {1, 1, 1, length}, DataType::boolean);
  const auto heads_of = [&] { return net.transpose(net.reshape(x, {0, 0, 1, depth}), {0, 2, 1, 3}); };
  const ValueId product = net.op("MatMul", {heads_of(), net.transpose(heads_of(), {0, 1, 3, 2})});
  const ValueId scores = net.op("Where", {mask, product, net.number(std::numeric_limits<float>::lowest())});
  const ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  net.output(net.reshape(net.transpose(net.op("MatMul", {p, heads_of()}), {0, 2, 1, 3}), {0, 0, depth}));
  expect_attention(net, {random_tensor(Shape{1, length, depth}, 1), Tensor(DataType::boolean, Shape{1, 1, 1, length})},
                   1);
}

TEST(SharedHeads, RefusesHeadsThatDoNotDivide) {
  Net net;
  const ValueId x = net.input("x", {1, length, 6 * depth}), y = net.input("y", {1, length, 4 * depth});
  net.output(net.op("FusedAttention", {x, y, y},
                    {{"num_heads", std::int64_t{6}}, {"kv_num_heads", std::int64_t{4}}, {"scale", 1.0F}}));
  EXPECT_THROW(infer_shapes(net.graph), Error);
}

}  // namespace
}  // namespace tessera::testing
