// relax_qdq, fold_qdq, and what the epilogue makes of pairs.
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

constexpr float step = 1.0F / 64;

/// Quantizers' nodes around a value.
class QdqNet : public Net {
 public:
  ValueId quantize(ValueId x, float scale, std::uint8_t zero) {
    return op("QuantizeLinear", {x, number(scale), constant(Tensor::scalar(zero))});
  }
  ValueId dequantize(ValueId q, float scale, std::uint8_t zero) {
    return op("DequantizeLinear", {q, number(scale), constant(Tensor::scalar(zero))});
  }
  ValueId pair(ValueId x, float scale = step, std::uint8_t zero = 128) {
    return dequantize(quantize(x, scale, zero), scale, zero);
  }
  /// s8 weights with one scale per extent of `axis`.
  ValueId weights(const Shape& shape, std::int64_t axis) {
    Tensor tensor(DataType::s8, shape);
    int next = 0;
    for (std::int8_t& w : tensor.mutable_as<std::int8_t>()) w = static_cast<std::int8_t>((next += 37) % 255 - 127);
    const Shape channels{shape[static_cast<std::size_t>(axis)]};
    return op("DequantizeLinear",
              {constant(tensor), constant(random_tensor(channels, 9, 0.001F, 0.003F)),
               constant(Tensor(DataType::s8, channels))},
              {{"axis", axis}});
  }
  ValueId bias(std::int64_t channels) {
    Tensor tensor(DataType::s32, Shape{channels});
    int next = 0;
    for (std::int32_t& b : tensor.mutable_as<std::int32_t>()) b = (next += 977) % 4001 - 2000;
    const Shape shape{channels};
    return op(
        "DequantizeLinear",
        {constant(tensor), constant(random_tensor(shape, 10, 1e-4F, 2e-4F)), constant(Tensor(DataType::s32, shape))},
        {{"axis", std::int64_t{0}}});
  }
  ValueId conv(ValueId x, std::int64_t from, std::int64_t to) {
    return op("Conv", {x, weights({to, from, 1, 1}, 0), bias(to)});
  }
};

/// The same graph with every Value::quantization written out as nodes again, for the reference evaluation.
Graph spelled_out(const Graph& folded) {
  Graph graph = folded;
  std::vector<Node> nodes;
  int made = 0;
  const auto convert = [&](const std::string& op, ValueId from, ValueId to, const Value& integers) {
    const Quantization& q = *integers.quantization;
    const bool one = q.per_tensor();
    const Shape shape = one ? Shape{} : Shape{static_cast<std::int64_t>(q.scale.size())};
    Tensor zero(integers.type, shape);
    for (std::size_t i = 0; i < q.zero_point.size(); ++i)
      zero.mutable_data()[i] = static_cast<std::byte>(q.zero_point[i]);
    const ValueId scale = graph.add_constant("scale", Tensor::from<float>(shape, q.scale));
    const Attributes attributes = one ? Attributes{} : Attributes{{"axis", std::int64_t{q.axis}}};
    nodes.push_back(
        {op, "spelled_" + std::to_string(++made), {from, scale, graph.add_constant("zero", zero)}, {to}, attributes});
  };
  for (Node node : folded.nodes) {
    if (node.op.find("quantizeLinear") == std::string::npos && node.op != "QuantizeLinear") {
      for (ValueId& id : node.inputs) {
        if (id == no_value || !folded.value(id).quantization) continue;
        const ValueId real = graph.add_value("real", DataType::f32);
        convert("DequantizeLinear", id, real, folded.value(id));
        id = real;
      }
      if (const ValueId out = node.outputs[0]; folded.value(out).quantization) {
        const ValueId real = graph.add_value("real", DataType::f32);
        node.outputs[0] = real;
        nodes.push_back(node);
        convert("QuantizeLinear", real, out, folded.value(out));
        continue;
      }
    }
    nodes.push_back(node);
  }
  for (Value& value : graph.values) value.quantization.reset();
  graph.nodes = std::move(nodes);
  graph.validate();
  return graph;
}

constexpr PassFunction fold = &passes::fold_qdq;
constexpr PassFunction relax = &passes::relax_qdq;

TEST(FoldQdq, ConvReadsAndWritesIntegers) {
  QdqNet net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
  const ValueId y = net.op("FusedConv", {net.pair(x), net.weights({6, 4, 3, 3}, 0), net.bias(6)},
                           {{"activation", std::string("relu")}});
  net.output(net.pair(y, 0.02F, 0));
  Graph after = net.graph;
  apply(after, {fold});
  EXPECT_EQ(ops_of(after), "QuantizeLinear FusedConv DequantizeLinear");
  const Node& conv = only(after, "FusedConv");
  EXPECT_EQ(after.value(conv.inputs[0]).type, DataType::u8);
  EXPECT_EQ(after.value(conv.inputs[0]).quantization, (Quantization{{step}, {128}, -1}));
  EXPECT_EQ(after.value(conv.inputs[1]).type, DataType::s8);
  EXPECT_EQ(after.value(conv.inputs[1]).quantization->axis, 0);
  EXPECT_EQ(after.value(conv.inputs[1]).quantization->scale.size(), 6U);
  EXPECT_EQ(after.value(conv.inputs[2]).type, DataType::f32);
  EXPECT_EQ(after.value(conv.outputs[0]).type, DataType::u8);
  EXPECT_EQ(after.value(conv.outputs[0]).quantization, (Quantization{{0.02F}, {0}, -1}));
  expect_same(net.graph, spelled_out(after), {random_tensor({2, 4, 5, 5}, 1)});
}

TEST(FoldQdq, SurvivesBinding) {
  QdqNet net;
  const ValueId x = net.input("x", {Dim("batch"), 8});
  net.output(net.pair(net.op("FusedMatMul", {net.pair(x), net.weights({8, 5}, 1)})));
  apply(net.graph, {fold});
  const Binding bindings[] = {{"batch", 3}};
  bind_shapes(net.graph, bindings);
  const Node& product = only(net.graph, "FusedMatMul");
  EXPECT_EQ(net.graph.value(product.outputs[0]).type, DataType::u8);
  EXPECT_EQ(to_string(net.graph.value(product.outputs[0]).shape), "[3, 5]");
}

TEST(FoldQdq, LinearLayersEitherWayRound) {
  for (const std::int64_t transposed : {0, 1}) {
    QdqNet net;
    const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 8});
    const ValueId w = transposed != 0 ? net.weights({5, 8}, 0) : net.weights({8, 5}, 1);
    net.output(net.op("FusedMatMul", {net.pair(x), w, net.weight({5})}, {{"transB", transposed}}));
    Graph after = net.graph;
    apply(after, {fold});
    EXPECT_EQ(ops_of(after), "QuantizeLinear FusedMatMul");
    expect_same(net.graph, spelled_out(after), {random_tensor({2, 3, 8}, 1)});
  }
}

TEST(FoldQdq, ResidualStaysFloatOrBecomesIntegers) {
  for (const bool integers : {false, true}) {
    QdqNet net;
    const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
    const ValueId r = net.input("r", {Dim("batch"), 4, 5, 5});
    net.output(net.op("FusedConv", {net.pair(x), net.weights({4, 4, 1, 1}, 0), no_value, integers ? net.pair(r) : r}));
    Graph after = net.graph;
    apply(after, {fold});
    EXPECT_EQ(count(after, "DequantizeLinear"), 0);
    EXPECT_EQ(after.value(only(after, "FusedConv").inputs[3]).type, integers ? DataType::u8 : DataType::f32);
    expect_same(net.graph, spelled_out(after), {random_tensor({2, 4, 5, 5}, 1), random_tensor({2, 4, 5, 5}, 2)});
  }
}

TEST(FoldQdq, MaxPoolAndReshapeMoveIntegers) {
  QdqNet net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 6, 6});
  ValueId y = net.pair(net.op("MaxPool", {net.pair(x)}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}}));
  y = net.pair(net.reshape(y, {0, 36}));
  net.output(net.op("FusedMatMul", {y, net.weights({36, 5}, 1)}));
  Graph after = net.graph;
  apply(after, {fold});
  EXPECT_EQ(ops_of(after), "QuantizeLinear MaxPool Reshape FusedMatMul");
  EXPECT_EQ(after.value(only(after, "MaxPool").outputs[0]).type, DataType::u8);
  expect_same(net.graph, spelled_out(after), {random_tensor({2, 4, 6, 6}, 1)});
}

TEST(FoldQdq, AMoveBetweenTwoScalesStays) {
  QdqNet net;
  const ValueId x = net.input("x", {1, 4, 6, 6});
  const ValueId y = net.op("MaxPool", {net.pair(x)}, {{"kernel_shape", ints({2, 2})}});
  net.output(net.pair(y, 0.5F));
  const auto notes = apply(net.graph, {fold});
  EXPECT_EQ(count(net.graph, "QuantizeLinear"), 2);
  EXPECT_NE(refusals(notes).find("between two different scales"), std::string::npos);
}

TEST(FoldQdq, PoolsAndAttentionTakeTheirNeighboursIn) {
  QdqNet net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
  net.output(net.pair(net.op("GlobalAveragePool", {net.pair(x)}), 0.01F));
  const ValueId qkv = net.input("qkv", {Dim("batch"), 3, 12});
  net.output(net.pair(net.op("FusedAttention", {qkv}, {{"num_heads", std::int64_t{2}}, {"scale", 0.5F}})));
  Graph after = net.graph;
  apply(after, {fold});
  EXPECT_EQ(ops_of(after), "QuantizeLinear GlobalAveragePool DequantizeLinear FusedAttention DequantizeLinear");
  expect_same(net.graph, spelled_out(after), {random_tensor({2, 4, 5, 5}, 1), random_tensor({2, 3, 12}, 2)});
}

TEST(FoldQdq, AnOutputWithOtherReadersKeepsItsQuantizeLinear) {
  QdqNet net;
  const ValueId x = net.input("x", {2, 8});
  const ValueId y = net.op("FusedMatMul", {net.pair(x), net.weights({8, 5}, 1)});
  net.output(net.pair(y));
  net.output(net.op("Relu", {y}));
  Graph after = net.graph;
  apply(after, {fold});
  EXPECT_EQ(count(after, "QuantizeLinear"), 2);
  EXPECT_EQ(after.value(only(after, "FusedMatMul").outputs[0]).type, DataType::f32);
  expect_same(net.graph, spelled_out(after), {random_tensor({2, 8}, 1)});
}

TEST(FoldQdq, FloatLayersGetTheirWeightsDequantizedOnce) {
  QdqNet net;
  const ValueId x = net.input("x", {2, 8});
  net.output(net.op("FusedMatMul", {x, net.weights({8, 5}, 1)}));
  Graph after = net.graph;
  const auto notes = apply(after, {fold});
  EXPECT_EQ(ops_of(after), "FusedMatMul");
  EXPECT_TRUE(after.value(after.nodes[0].inputs[1]).is_constant());
  EXPECT_NE(refusals(notes).find("X is not u8"), std::string::npos);
  expect_same(net.graph, after, {random_tensor({2, 8}, 1)});
}

TEST(FoldQdq, FloatLayersWriteIntegersForTheLayerBehindThem) {
  QdqNet net;
  const ValueId x = net.input("x", {2, 8});
  const ValueId y = net.op("FusedMatMul", {x, net.weight({8, 6})});
  net.output(net.op("FusedMatMul", {net.pair(y), net.weights({6, 5}, 1)}));
  Graph after = net.graph;
  apply(after, {fold});
  EXPECT_EQ(ops_of(after), "FusedMatMul FusedMatMul");
  EXPECT_EQ(after.value(after.nodes[0].outputs[0]).type, DataType::u8);
  expect_same(net.graph, spelled_out(after), {random_tensor({2, 8}, 1)});
}

TEST(FoldQdq, SaysWhyNot) {
  const auto reason = [](auto&& weights) {
    QdqNet net;
    const ValueId x = net.input("x", {2, 8});
    net.output(net.op("FusedMatMul", {net.pair(x), weights(net)}));
    const Graph before = net.graph;
    const auto notes = apply(net.graph, {fold});
    EXPECT_EQ(net.graph.value(only(net.graph, "FusedMatMul").inputs[0]).type, DataType::f32);
    return refusals(notes);
  };
  EXPECT_NE(reason([](QdqNet& net) {
              return net.weight({8, 5});
            }).find("W does not come from integers"),
            std::string::npos);
  EXPECT_NE(reason([](QdqNet& net) { return net.weights({8, 5}, 0); }).find("not per output"), std::string::npos);
  EXPECT_NE(reason([](QdqNet& net) {
              return net.dequantize(net.constant(Tensor(DataType::u8, {8, 5})), 0.1F, 3);
            }).find("not s8 constants"),
            std::string::npos);
}

/// Both graphs agree within half a step of the pairs that were dropped.
void expect_close(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs, double allowed) {
  const auto expected = evaluate(before, inputs), actual = evaluate(after, inputs);
  double most = 0;
  for (std::size_t i = 0; i < expected[0].as<float>().size(); ++i) {
    most = std::max(most, std::abs(static_cast<double>(expected[0].as<float>()[i]) - actual[0].as<float>()[i]));
  }
  EXPECT_LE(most, allowed);
  EXPECT_GT(most, 0.0) << "no rounding was dropped";
}

TEST(RelaxQdq, PairsInsideAnEpilogueGo) {
  QdqNet net;
  const ValueId x = net.input("x", {Dim("batch"), 8});
  const ValueId product = net.op("MatMul", {net.pair(x), net.weights({8, 5}, 1)});
  net.output(net.op("Add", {net.weight({5}), net.pair(product)}));
  Graph after = net.graph;
  apply(after, {relax});
  EXPECT_EQ(count(after, "QuantizeLinear"), 1);
  expect_close(net.graph, after, {random_tensor({3, 8}, 1)}, step * (0.5 + 8 * epsilon));
}

TEST(Epilogue, ARoundedSumKnowsWhetherItsResidualWasTheFirstOperand) {
  QdqNet net;
  const ValueId x = net.pair(net.input("x", {Dim("batch"), 4, 5, 5}));
  const ValueId first = net.pair(net.conv(x, 4, 4));
  const ValueId second = net.pair(net.conv(x, 4, 4));
  net.output(net.pair(net.op("Add", {first, second}), 2 * step));
  run_passes(net.graph, default_passes(), nullptr);
  ASSERT_EQ(ops_of(net.graph), "QuantizeLinear FusedConv FusedConv DequantizeLinear");
  EXPECT_EQ(net.graph.nodes[2].attribute_or("residual_first", std::int64_t{0}), 1);
}

TEST(Epilogue, ThePairInFrontOfAResidualBecomesARoundingOfTheSum) {
  for (const std::uint8_t zero : {std::uint8_t{128}, std::uint8_t{0}}) {
    QdqNet net;
    const ValueId x = net.pair(net.input("x", {Dim("batch"), 4, 5, 5}));
    const ValueId first = net.pair(net.conv(x, 4, 4));
    const ValueId second = net.pair(net.conv(x, 4, 4), step, zero);
    net.output(net.pair(net.op("Add", {second, first}), 2 * step));
    Graph after = net.graph;
    run_passes(after, default_passes(), nullptr);
    EXPECT_EQ(ops_of(after), "QuantizeLinear FusedConv FusedConv DequantizeLinear");
    const Node& sum = after.nodes[2];
    EXPECT_EQ(sum.attribute_or("sum_scale", 0.0F), step);
    EXPECT_EQ(sum.attribute_or("sum_zero_point", std::int64_t{-1}), zero);
    EXPECT_EQ(sum.find_attribute<std::int64_t>("residual_first"), nullptr);
    EXPECT_EQ(after.value(sum.inputs[3]).quantization, (Quantization{{step}, {128}, -1}));
    const Tensor input = random_tensor({2, 4, 5, 5}, 1);
    expect_same(net.graph, spelled_out(after), {input});
    // The kernels multiply by 1 / scale where the definition divides; steps that are powers of two hide no difference.
    const Tensor expected = evaluate(net.graph, std::vector<Tensor>{input}).front();
    const Binding bindings[] = {{"batch", 2}};
    bind_shapes(after, bindings);
    WeightStore weights;
    for (const Isa isa : tiers_here()) {
      const Tensor actual = run_plan(after, {input}, isa, 2, weights).front();
      int differing = 0;
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i) {
        // A sum that lies on the edge between two integers may fall on either side.
        ASSERT_NEAR(actual.as<float>()[i], expected.as<float>()[i], 2 * step);
        if (actual.as<float>()[i] != expected.as<float>()[i]) ++differing;
      }
      EXPECT_LE(differing, 2) << name_of(isa);
    }
  }
}

TEST(Epilogue, APairThatOthersReadStays) {
  QdqNet net;
  const ValueId x = net.pair(net.input("x", {1, 4, 5, 5}));
  const ValueId y = net.pair(net.conv(x, 4, 4));
  net.output(net.op("Add", {y, x}));
  net.output(net.conv(y, 4, 4));
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(count(after, "Add"), 1);
  expect_same(net.graph, spelled_out(after), {random_tensor({1, 4, 5, 5}, 1)});
}

/// Quantizers put pairs around the gate and behind the layer, whose one reader is the gate and whose other is the Mul.
TEST(RelaxQdq, ActivationsOfConvolutionsComputeInFloat) {
  for (const char* gate : {"Sigmoid", "HardSwish"}) {
    QdqNet net;
    const ValueId x = net.input("x", {1, 4, 3, 3});
    const ValueId layer = net.pair(net.conv(net.pair(x), 4, 4));
    ValueId y = net.op(gate, {layer});
    if (gate == std::string("Sigmoid")) y = net.op("Mul", {layer, net.pair(y, 1.0F / 256, 0)});
    net.output(net.pair(y));
    Graph after = net.graph;
    run_passes(after, default_passes(), nullptr);
    EXPECT_EQ(ops_of(after), "QuantizeLinear FusedConv DequantizeLinear") << gate;
    EXPECT_EQ(activation_of(only(after, "FusedConv")), gate == std::string("Sigmoid") ? "swish" : "hard_swish");
  }
}

TEST(RelaxQdq, AGateOfAnotherValueKeepsItsPair) {
  QdqNet net;
  const ValueId x = net.input("x", {1, 4, 3, 3}), other = net.input("other", {1, 4, 3, 3});
  const ValueId gate = net.pair(net.op("Sigmoid", {other}), 1.0F / 256, 0);
  net.output(net.op("Mul", {net.pair(net.conv(net.pair(x), 4, 4)), gate}));
  Graph after = net.graph;
  apply(after, {relax});
  EXPECT_EQ(count(after, "QuantizeLinear"), 3);
}

TEST(RelaxQdq, APairThatClipsAtZeroStays) {
  QdqNet net;
  const ValueId x = net.pair(net.input("x", {1, 8}));
  const ValueId product = net.op("MatMul", {x, net.weights({8, 5}, 1)});
  net.output(net.op("Add", {net.weight({5}), net.pair(product, step, 0)}));
  const auto notes = apply(net.graph, {relax});
  EXPECT_EQ(count(net.graph, "QuantizeLinear"), 2);
  EXPECT_NE(refusals(notes).find("clips at zero"), std::string::npos);
}

TEST(RelaxQdq, PairsThatFeedProductsStay) {
  QdqNet net;
  const ValueId x = net.pair(net.input("x", {1, 4, 5, 5}));
  net.output(net.conv(net.pair(net.conv(x, 4, 4)), 4, 4));
  apply(net.graph, {relax});
  EXPECT_EQ(count(net.graph, "QuantizeLinear"), 2);
}

TEST(RelaxQdq, AttentionBetweenPairsIsRecognised) {
  QdqNet net;
  constexpr std::int64_t heads = 2, depth = 4;
  const ValueId x = net.pair(net.input("x", {Dim("batch"), Dim("seq"), 8}));
  const auto split = [&](std::vector<std::int64_t> perm) {
    const ValueId product = net.pair(net.op("MatMul", {x, net.weights({8, 8}, 1)}), 4 * step);
    const ValueId projected = net.op("Add", {product, net.weight({8})});
    return net.pair(net.transpose(net.reshape(projected, {0, 0, heads, depth}), std::move(perm)), 4 * step);
  };
  const ValueId q = split({0, 2, 1, 3}), k = split({0, 2, 3, 1}), v = split({0, 2, 1, 3});
  const ValueId scores = net.op("Div", {net.pair(net.op("MatMul", {q, k}), 8 * step), net.number(2)});
  const ValueId p = net.pair(net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}}), 1.0F / 255, 0);
  const ValueId context = net.transpose(net.pair(net.op("MatMul", {p, v}), 4 * step), {0, 2, 1, 3});
  const ValueId y = net.pair(net.reshape(context, {0, 0, 8}), 4 * step);
  net.output(net.op("MatMul", {y, net.weights({8, 8}, 1)}));

  Graph after = net.graph;
  std::vector<PassNote> notes;
  run_passes(after, default_passes(), &notes);
  EXPECT_EQ(ops_of(after), "QuantizeLinear FusedMatMul FusedAttention FusedMatMul");
  EXPECT_EQ(after.value(only(after, "FusedAttention").outputs[0]).type, DataType::u8);

  // Without the pairs that went, the original computes the same; they are the ones the spelled-out result does not
  // have.
  const auto expected = evaluate(net.graph, std::vector<Tensor>{random_tensor({2, 5, 8}, 1)});
  const auto actual = evaluate(spelled_out(after), std::vector<Tensor>{random_tensor({2, 5, 8}, 1)});
  double dot = 0, a = 0, b = 0;
  for (std::size_t i = 0; i < expected[0].as<float>().size(); ++i) {
    const double e = expected[0].as<float>()[i], g = actual[0].as<float>()[i];
    dot += e * g, a += e * e, b += g * g;
  }
  EXPECT_GT(dot / std::sqrt(a * b), 0.99) << "eight bits in every step leave about two digits";
}

}  // namespace
}  // namespace tessera
