// Outputs of GELU may have an observer of their own kind.
#include "engine/calibration.hpp"
#include "quantize/layers.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

TEST(GeluMethod, IsThatOfTheOutputsOfGeluAlone) {
  Net net;
  const ValueId x = net.input("x", {1, 64, 16});
  const ValueId hidden = net.op("Gelu", {net.op("MatMul", {x, net.weight({16, 32})})});
  net.output(net.op("MatMul", {hidden, net.weight({32, 8})}));
  infer_shapes(net.graph);
  const std::string gelu = net.graph.value(hidden).name;
  const QuantizableModel model = find_layers(net.graph);
  ItemSource items;
  items.size = 3;
  items.item = [](std::int64_t i) {
    return TensorMap{{"x", random_tensor({1, 64, 16}, static_cast<std::uint32_t>(i) + 1, -2.0F, 2.0F)}};
  };
  WeightStore weights;
  const auto range = [&](std::optional<CalibrationMethod> method, const std::string& name) {
    CalibrationOptions options;
    options.percentile = 90;
    options.gelu_method = method;
    return observe_activations(model.fused, model.layers, options, {items, 1, weights}).of(name);
  };
  const float by_mse = range(std::nullopt, gelu).high;
  const float largest = range(CalibrationMethod::minmax, gelu).high;
  EXPECT_LT(range(CalibrationMethod::percentile, gelu).high, by_mse);
  EXPECT_LE(by_mse, largest);
  EXPECT_EQ(range(CalibrationMethod::mse, gelu).high, by_mse);
  EXPECT_EQ(range(CalibrationMethod::percentile, "x").high, range(std::nullopt, "x").high);
}

}  // namespace
}  // namespace tessera
