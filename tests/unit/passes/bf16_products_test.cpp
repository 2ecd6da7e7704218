// fuse_bf16_products: Cast to bfloat16 and back in front of a layer, and what may write bf16 for it.
#include "tessera/bfloat16.hpp"
#include "unit/passes/support.hpp"

namespace tessera::testing {
namespace {

constexpr PassFunction products = &passes::fuse_bf16_products;
constexpr std::int64_t onnx_float = 1, onnx_bfloat16 = 16;

class Bf16Net : public Net {
 public:
  ValueId through_bf16(ValueId id) {
    return op("Cast", {op("Cast", {id}, {{"to", onnx_bfloat16}})}, {{"to", onnx_float}});
  }
  ValueId bf16_weight(const Shape& shape) {
    Tensor tensor = random_tensor(shape, 7);
    for (float& x : tensor.mutable_as<float>()) x = static_cast<float>(bfloat16(x));
    return constant(tensor);
  }
};

DataType input_type(const Graph& graph, const Node& node) {
  return graph.value(node.inputs[0]).type;
}

TEST(Bf16Products, LayersReadAndWriteBf16) {
  Bf16Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 5, 5});
  const ValueId a = net.op("FusedConv", {net.through_bf16(x), net.bf16_weight({6, 4, 3, 3}), net.weight({6})},
                           {{"activation", std::string("relu")}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  const ValueId pooled = net.op("MaxPool", {a}, {{"kernel_shape", std::vector<std::int64_t>{2, 2}}});
  net.output(net.op("FusedConv", {net.through_bf16(pooled), net.bf16_weight({3, 6, 1, 1})}));
  Graph after = net.graph;
  apply(after, {products});
  EXPECT_EQ(ops_of(after), "Cast FusedConv MaxPool FusedConv");
  EXPECT_EQ(after.value(after.nodes[2].outputs[0]).type, DataType::bf16);
  for (const Node& node : after.nodes)
    if (node.op == "FusedConv") {
      EXPECT_EQ(input_type(after, node), DataType::bf16);
      EXPECT_EQ(after.value(node.outputs[0]).type, DataType::f32);
    }
}

TEST(Bf16Products, AValueWithOtherReadersIsCastForTheLayer) {
  Bf16Net net;
  const ValueId x = net.input("x", {2, 8});
  const ValueId y = net.op("FusedMatMul", {x, net.weight({8, 6})});
  net.output(net.op("FusedMatMul", {net.through_bf16(y), net.bf16_weight({6, 5})}));
  net.output(net.op("Relu", {y}));
  Graph after = net.graph;
  apply(after, {products});
  EXPECT_EQ(count(after, "Cast"), 1) << ops_of(after);
  EXPECT_EQ(after.value(after.nodes[0].outputs[0]).type, DataType::f32);
}

TEST(Bf16Products, WeightsThatWouldBeRoundedStay) {
  Bf16Net net;
  const ValueId x = net.input("x", {2, 8});
  net.output(net.op("FusedMatMul", {net.through_bf16(x), net.weight({8, 6})}));
  Graph after = net.graph;
  const auto notes = apply(after, {products});
  EXPECT_EQ(count(after, "Cast"), 2);
  EXPECT_NE(refusals(notes).find("not bf16 numbers"), std::string::npos);
  expect_same(net.graph, after, {random_tensor({2, 8}, 1)});
}

TEST(Bf16Products, AFloatLayerIsNoneOfItsBusiness) {
  Bf16Net net;
  const ValueId x = net.input("x", {2, 8});
  net.output(net.op("FusedMatMul", {x, net.bf16_weight({8, 6})}));
  const auto notes = apply(net.graph, {products});
  EXPECT_EQ(ops_of(net.graph), "FusedMatMul");
  EXPECT_EQ(input_type(net.graph, net.graph.nodes[0]), DataType::f32);
  EXPECT_EQ(refusals(notes), "");
}

}  // namespace
}  // namespace tessera::testing
