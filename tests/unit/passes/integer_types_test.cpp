// integer_types: the numbers stay what they are, to the bit.
#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

constexpr PassFunction fit = &passes::make_integers_fit;

class IntegerNet : public Net {
 public:
  ValueId quantize(ValueId x, std::int8_t zero) {
    return op("QuantizeLinear", {x, number(0.03F), constant(Tensor::scalar(zero))});
  }
  ValueId dequantize(ValueId q, std::int8_t zero) {
    return op("DequantizeLinear", {q, number(0.03F), constant(Tensor::scalar(zero))});
  }
};

int s8_activations(const Graph& graph) {
  Graph inferred = graph;
  infer_shapes(inferred);
  int found = 0;
  for (const Value& value : inferred.values)
    if (value.type == DataType::s8 && !value.is_constant()) ++found;
  return found;
}

TEST(IntegerTypes, ActivationsBecomeU8ThroughWhateverMovesThem) {
  IntegerNet net;
  const ValueId x = net.input("x", {2, 3, 4, 4});
  const ValueId q = net.quantize(x, -5);
  const ValueId pooled = net.op("MaxPool", {q}, {{"kernel_shape", ints({3, 3})}, {"pads", ints({1, 1, 1, 1})}});
  net.output(net.dequantize(net.transpose(pooled, {0, 2, 3, 1}), -5));
  net.output(net.dequantize(net.reshape(q, {0, -1}), 7));  // read under another zero point
  Graph after = net.graph;
  apply(after, {fit});
  EXPECT_EQ(s8_activations(after), 0);
  expect_same(net.graph, after, {random_tensor({2, 3, 4, 4}, 1, -6, 6)});
}

TEST(IntegerTypes, ATypeGivenByTheAttributeAlone) {
  IntegerNet net;
  const ValueId x = net.input("x", {8});
  const ValueId q = net.op("QuantizeLinear", {x, net.number(0.03F)}, {{"output_dtype", std::int64_t{3}}});
  net.output(net.op("DequantizeLinear", {q, net.number(0.03F)}));
  Graph after = net.graph;
  apply(after, {fit});
  EXPECT_EQ(s8_activations(after), 0);
  expect_same(net.graph, after, {random_tensor({8}, 1, -6, 6)});
}

TEST(IntegerTypes, WhatLeavesTheGraphOrIsReadOtherwiseStays) {
  for (const bool is_output : {true, false}) {
    IntegerNet net;
    const ValueId q = net.quantize(net.input("x", {8}), 3);
    net.output(net.dequantize(q, 3));
    net.output(is_output ? q : net.op("Cast", {q}, {{"to", std::int64_t{1}}}));
    Graph after = net.graph;
    EXPECT_TRUE(apply(after, {fit}).empty());
    expect_same(net.graph, after, {random_tensor({8}, 1, -6, 6)});
  }
  IntegerNet net;
  net.output(net.dequantize(net.input("q", {8}, DataType::s8), 3));
  EXPECT_TRUE(apply(net.graph, {fit}).empty());
}

TEST(IntegerTypes, ConstantsLoseTheirZeroPointWhereTheyFit) {
  IntegerNet net;
  const Tensor weights = tensor_of<std::uint8_t>({2, 3}, {0, 128, 255, 5, 72, 199});
  const ValueId scale = net.constant(tensor_of<float>({2}, {0.5F, 0.25F}));
  const ValueId zero = net.constant(tensor_of<std::uint8_t>({2}, {128, 72}));
  net.output(net.op("DequantizeLinear", {net.constant(weights), scale, zero}, {{"axis", std::int64_t{0}}}));
  Graph after = net.graph;
  apply(after, {fit});
  const Node& dequantize = only(after, "DequantizeLinear");
  EXPECT_EQ(after.value(dequantize.inputs[0]).constant.type(), DataType::s8);
  EXPECT_EQ(dequantize.inputs.size(), 2U);
  expect_same(net.graph, after, {});
}

TEST(IntegerTypes, ConstantsTooFarFromTheirZeroPointBecomeS8UnderAnother) {
  for (const bool has_zero_point : {true, false}) {
    IntegerNet net;
    std::vector<ValueId> inputs{net.constant(tensor_of<std::uint8_t>({3}, {0, 100, 255})), net.number(0.5F)};
    if (has_zero_point) inputs.push_back(net.constant(Tensor::scalar<std::uint8_t>(100)));
    net.output(net.op("DequantizeLinear", inputs));
    Graph after = net.graph;
    apply(after, {fit});
    const Node& dequantize = only(after, "DequantizeLinear");
    EXPECT_EQ(after.value(dequantize.inputs[0]).constant.type(), DataType::s8);
    EXPECT_EQ(after.value(dequantize.inputs[2]).constant.as<std::int8_t>()[0], has_zero_point ? -28 : -128);
    expect_same(net.graph, after, {});
  }
}

TEST(IntegerTypes, S8TooFarFromTheirZeroPointStayAndAreNamed) {
  IntegerNet net;
  net.output(net.dequantize(net.constant(tensor_of<std::int8_t>({2}, {-128, 127})), 1));
  const auto notes = apply(net.graph, {fit});
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_FALSE(notes[0].applied);
  EXPECT_NE(notes[0].why.find("does not fit s8"), std::string::npos);
}

}  // namespace
}  // namespace tessera
