// The residual stream of a transformer in int8: linear layers add the u8 that LayerNormalization wrote.
#include "engine/calibration.hpp"
#include "quantize/layers.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

/// The end of a transformer block: LayerNormalization, a linear layer with bias, and what goes past it.
Net block() {
  Net net;
  const ValueId x = net.input("x", {2, 12, 32});
  const ValueId normal = net.op("LayerNormalization", {x, net.weight({32}), net.weight({32})});
  const ValueId product = net.op("Add", {net.op("MatMul", {normal, net.weight({32, 32})}), net.weight({32})});
  net.output(net.op("Add", {product, normal}));
  infer_shapes(net.graph);
  return net;
}

TEST(Int8Residual, LinearLayersAddWhatTheyReadOnlyWhereAskedTo) {
  const Net net = block();
  const Tensor x = random_tensor({2, 12, 32}, 7, -2.0F, 2.0F);
  ItemSource items;
  items.size = 1;
  items.item = [&](std::int64_t) { return TensorMap{{"x", x}}; };
  for (const bool int8_residual : {false, true}) {
    WeightStore packed;
    QuantizedWeightStore integers;
    const CalibrationOptions how{.bias_correction = false, .int8_residual = int8_residual};
    Graph graph = calibrate(find_layers(net.graph), how, {items, 1, packed}).int8_graph(integers);
    infer_shapes(graph);
    const Tensor expected = evaluate(graph, std::vector<Tensor>{x}).front();
    run_passes(graph, fusing_passes(), nullptr);
    const Node& product = only(graph, "FusedMatMul");
    EXPECT_EQ(graph.value(product.inputs[3]).type, int8_residual ? DataType::u8 : DataType::f32);
    EXPECT_EQ(count(graph, "DequantizeLinear"), 0);

    // A normalized element that lies between two integers may go to either; a row of 32 holds few of them.
    const float step = graph.value(product.inputs[0]).quantization->scale[0];
    Tensor first;
    for (const Isa isa : tiers_here()) {
      const Tensor actual = run_plan(graph, {x}, isa, 2, packed).front();
      if (first.empty()) first = actual;
      EXPECT_TRUE(same_bits(actual, first)) << name_of(isa);
    }
    for (std::size_t i = 0; i < first.as<float>().size(); ++i)
      ASSERT_NEAR(expected.as<float>()[i], first.as<float>()[i], 2 * step) << i;
  }
}

}  // namespace
}  // namespace tessera
