// Rotary positions and Attention of operator set 23 on their way into FusedAttention.
#include <cstdint>
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr std::int64_t batch = 2, heads = 3, depth = 8, width = heads * depth, length = 5;
constexpr double tolerance = (6 * depth + 2 * length + 8) * epsilon;

ValueId slice(Net& net, ValueId x, std::int64_t begin, std::int64_t end) {
  return net.op("Slice",
                {x, net.constant(indices({begin})), net.constant(indices({end})), net.constant(indices({-1}))});
}

/// As transformers writes it.
ValueId turned(Net& net, ValueId x, ValueId cosines, ValueId sines, bool splits) {
  ValueId first = no_value, second = no_value;
  if (splits) {
    first = net.graph.add_value("first", DataType::f32, {});
    second = net.graph.add_value("second", DataType::f32, {});
    net.graph.nodes.push_back({"Split", "halves", {x}, {first, second}, {{"axis", std::int64_t{-1}}}});
  } else {
    first = slice(net, x, 0, depth / 2);
    second = slice(net, x, depth / 2, INT64_MAX);
  }
  const ValueId other = net.op("Concat", {net.op("Neg", {second}), first}, {{"axis", std::int64_t{-1}}});
  return net.op("Add", {net.op("Mul", {x, cosines}), net.op("Mul", {other, sines})});
}

ValueId split(Net& net, ValueId x) {
  return net.transpose(net.reshape(x, {0, 0, heads, depth}), {0, 2, 1, 3});
}

ValueId attention(Net& net, ValueId q, ValueId k, ValueId v) {
  const ValueId scores = net.op("Mul", {net.op("MatMul", {q, net.transpose(k, {0, 1, 3, 2})}), net.number(0.3F)});
  const ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  return net.reshape(net.transpose(net.op("MatMul", {p, v}), {0, 2, 1, 3}), {0, 0, width});
}

struct Network {
  Net net;
  std::vector<Tensor> inputs{random_tensor({batch, length, 3 * width}, 1), random_tensor({1, 1, length, depth}, 2),
                             random_tensor({batch, 1, length, depth}, 3)};
  ValueId x, cosines, sines;

  Network()
      : x(net.input("x", {batch, length, 3 * width})),
        cosines(net.input("cosines", {1, 1, length, depth})),
        sines(net.input("sines", {batch, 1, length, depth})) {}

  /// Q, K and V out of one projection, as ModernBERT has them.
  std::vector<ValueId> packed() {
    const ValueId apart = net.transpose(net.reshape(x, {0, 0, 3, heads, depth}), {0, 3, 2, 1, 4});
    std::vector<ValueId> qkv;
    for (std::int64_t i = 0; i < 3; ++i)
      qkv.push_back(net.op("Gather", {apart, net.constant(Tensor::scalar(i))}, {{"axis", std::int64_t{2}}}));
    return qkv;
  }
};

void expect_fused(const Network& network) {
  Graph after = network.net.graph;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(count(after, "FusedAttention"), 1) << ops_of(after);
  EXPECT_EQ(count(after, "FusedRotary"), 2) << ops_of(after);
  EXPECT_EQ(count(after, "Concat") + count(after, "Neg") + count(after, "Transpose") + count(after, "MatMul"), 0);
  expect_same(network.net.graph, after, network.inputs, tolerance);
  infer_shapes(after);
  const Tensor expected = evaluate(network.net.graph, network.inputs)[0];
  std::vector<Tensor> first;
  for (const Isa isa : tiers_here()) {
    for (const int threads : {1, 2}) {
      WeightStore weights;
      const auto plan = make_plan(after, isa, weights);
      for (const auto& step : plan->steps) EXPECT_NE(step->info.kernel, "reference") << step->info.op;
      const auto y = run_plan(after, network.inputs, isa, threads, weights);
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
        ASSERT_NEAR(y[0].as<float>()[i], expected.as<float>()[i], 2 * tolerance) << name_of(isa);
      if (first.empty()) first = y;
      EXPECT_TRUE(same_bits(first[0], y[0])) << name_of(isa);
    }
  }
}

TEST(Rotary, GoesThroughAttention) {
  for (const bool splits : {false, true}) {
    Network network;
    Net& net = network.net;
    std::vector<ValueId> qkv;
    for (std::int64_t i = 0; i < 3; ++i) qkv.push_back(split(net, slice(net, network.x, i * width, (i + 1) * width)));
    net.output(attention(net, turned(net, qkv[0], network.cosines, network.sines, splits),
                         turned(net, qkv[1], network.cosines, network.sines, splits), qkv[2]));
    expect_fused(network);
  }
}

TEST(Rotary, OfWhatLiesSideBySide) {
  Network network;
  Net& net = network.net;
  const std::vector<ValueId> qkv = network.packed();
  net.output(attention(net, turned(net, qkv[0], network.cosines, network.sines, false),
                       turned(net, qkv[1], network.cosines, network.sines, false), qkv[2]));
  expect_fused(network);
}

TEST(Rotary, TurnsOnlyWholeHalves) {
  Network network;
  Net& net = network.net;
  const ValueId x = split(net, slice(net, network.x, 0, width));
  const ValueId other =
      net.op("Concat", {net.op("Neg", {slice(net, x, depth / 2 + 1, depth)}), slice(net, x, 0, depth / 2 + 1)},
             {{"axis", std::int64_t{-1}}});
  net.output(net.op("Add", {net.op("Mul", {x, network.cosines}), net.op("Mul", {other, network.sines})}));
  apply(net.graph, {&passes::fuse_rotary});
  EXPECT_EQ(count(net.graph, "FusedRotary"), 0);
}

/// In both layouts, with a table for each item and with one for all.
TEST(Rotary, OfOperatorSet23) {
  for (const bool by_heads : {false, true})
    for (const std::int64_t tables : {std::int64_t{1}, batch}) {
      Net net;
      const Shape shape = by_heads ? Shape{batch, heads, length, depth} : Shape{batch, length, width};
      Attributes attributes;
      if (!by_heads) attributes["num_heads"] = heads;
      const ValueId x = net.input("x", SymbolicShape(shape).dims);
      const ValueId cosines = net.input("cosines", {tables, length, depth / 2}),
                    sines = net.input("sines", {tables, length, depth / 2});
      net.output(net.op("RotaryEmbedding", {x, cosines, sines}, attributes));
      infer_shapes(net.graph);
      const Shape table{tables, length, depth / 2};
      const std::vector<Tensor> inputs{random_tensor(shape, 1), random_tensor(table, 2), random_tensor(table, 3)};
      const auto expected = evaluate(net.graph, inputs);
      run_passes(net.graph, default_passes(), nullptr);
      EXPECT_EQ(only(net.graph, "FusedRotary").inputs[0], x);
      WeightStore weights;
      EXPECT_TRUE(same_bits(run_plan(net.graph, inputs, Isa::avx2, 2, weights)[0], expected[0]));
    }
}

TEST(Rotary, OfOperatorSet23InAnotherWayStays) {
  for (const char* attribute : {"interleaved", "rotary_embedding_dim"}) {
    Net net;
    const std::int64_t turned = std::string(attribute) == "interleaved" ? depth : 2;
    const ValueId x = net.input("x", {batch, heads, length, depth});
    const ValueId table = net.input("table", {1, length, turned / 2});
    net.output(net.op("RotaryEmbedding", {x, table, table}, {{attribute, turned == 2 ? turned : std::int64_t{1}}}));
    infer_shapes(net.graph);
    run_passes(net.graph, default_passes(), nullptr);
    EXPECT_EQ(only(net.graph, "RotaryEmbedding").inputs[0], x) << attribute;
  }
}

TEST(SpellOutAttention, BecomesFusedAttentionInBothLayouts) {
  for (const bool flat : {false, true}) {
    Net net;
    std::vector<ValueId> qkv;
    for (const char* name : {"q", "k", "v"}) {
      const ValueId x = net.input(name, {batch, length, width});
      qkv.push_back(flat ? x : split(net, x));
    }
    const ValueId mask = net.input("mask", {batch, 1, 1, length}, DataType::boolean);
    const Attributes attributes =
        flat ? Attributes{{"q_num_heads", heads}, {"kv_num_heads", heads}} : Attributes{{"scale", 0.4F}};
    ValueId y = net.op("Attention", {qkv[0], qkv[1], qkv[2], mask}, attributes);
    if (!flat) y = net.reshape(net.transpose(y, {0, 2, 1, 3}), {0, 0, width});
    net.output(y);
    Tensor attended(DataType::boolean, Shape{batch, 1, 1, length});
    for (std::size_t i = 0; i < attended.bytes(); ++i)
      attended.mutable_data()[i] = static_cast<std::byte>(i != 2 && i < 5);
    Graph after = net.graph;
    run_passes(after, default_passes(), nullptr);
    EXPECT_EQ(count(after, "FusedAttention"), 1) << ops_of(after);
    EXPECT_EQ(count(after, "Attention") + count(after, "Softmax"), 0);
    expect_same(net.graph, after,
                {random_tensor({batch, length, width}, 1), random_tensor({batch, length, width}, 2),
                 random_tensor({batch, length, width}, 3), attended},
                tolerance);
  }
}

TEST(SpellOutAttention, LeavesHeadsOfUnknownNumber) {
  Net net;
  const ValueId q = net.input("q", {batch, Dim("heads"), length, depth}), k = net.input("k", {batch, 2, length, depth});
  net.output(net.op("Attention", {q, k, k}));
  const std::string reasons = refusals(apply(net.graph, {&passes::spell_out_attention}));
  EXPECT_EQ(count(net.graph, "Attention"), 1);
  EXPECT_NE(reasons.find("number of its heads"), std::string::npos) << reasons;
}

}  // namespace
}  // namespace tessera::testing
