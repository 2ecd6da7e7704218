#include <algorithm>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
using S32 = std::vector<std::int32_t>;

TEST(DynamicQuantizeLinear, TheRangeHoldsZeroAndTheZeroPointIsExact) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{Dim(4)});
  Node node{"DynamicQuantizeLinear", "q", {x}, {}, {}};
  for (const char* name : {"y", "scale", "zero_point"}) node.outputs.push_back(graph.add_value(name, DataType::f32));
  graph.nodes.push_back(node);
  graph.outputs = node.outputs;
  const auto results = [&](std::initializer_list<float> values) {
    return evaluate(graph, std::vector<Tensor>{floats({4}, values)});
  };
  auto y = results({-1, 0, 1, 4.1F});
  EXPECT_EQ(y[1].as<float>()[0], 5.1F / 255.0F);
  EXPECT_EQ(y[2].as<std::uint8_t>()[0], 50);
  EXPECT_EQ(elements<std::uint8_t>(y[0]), (std::vector<std::uint8_t>{0, 50, 100, 255}));
  y = results({1, 2, 3, 5.1F});
  EXPECT_EQ(y[2].as<std::uint8_t>()[0], 0);
  EXPECT_EQ(elements<std::uint8_t>(y[0]), (std::vector<std::uint8_t>{50, 100, 150, 255}));
  y = results({0, 0, 0, 0});
  EXPECT_EQ(y[1].as<float>()[0], 1.0F);
  EXPECT_EQ(elements<std::uint8_t>(y[0]), (std::vector<std::uint8_t>{0, 0, 0, 0}));
}

TEST(MatMulInteger, TakesZeroPointsOff) {
  const Tensor a = tensor<std::uint8_t>({2, 2}, {10, 12, 9, 255});
  const Tensor b = tensor<std::int8_t>({2, 3}, {1, -2, 3, -128, 5, 127});
  EXPECT_EQ(elements<std::int32_t>(run_op("MatMulInteger", {a, b})), (S32{-1526, 40, 1554, -32631, 1257, 32412}));
  const Tensor a_zero = tensor<std::uint8_t>({}, {10}), b_zero = tensor<std::int8_t>({3}, {1, 0, -1});
  EXPECT_EQ(elements<std::int32_t>(run_op("MatMulInteger", {a, b, a_zero, b_zero})),
            (S32{2 * -129, 2 * 5, 2 * 128, 245 * -129, 2 + 245 * 5, -4 + 245 * 128}));
}

TEST(MatMulInteger, RefusesAZeroPointForEachRowByName) {
  expect_rejected({"tested", "zero point"}, [] {
    OneNode node("MatMulInteger");
    node.feed(tensor<std::uint8_t>({2, 2}, {1, 2, 3, 4})).feed(tensor<std::int8_t>({2, 1}, {1, 2}));
    node.feed(tensor<std::uint8_t>({2}, {1, 2})).run();
  });
}

TEST(ConvInteger, PaddingHoldsTheZeroPoint) {
  const Tensor x = tensor<std::uint8_t>({1, 1, 2, 2}, {5, 6, 7, 255});
  const Tensor w = tensor<std::uint8_t>({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor x_zero = tensor<std::uint8_t>({}, {5}), w_zero = tensor<std::uint8_t>({1}, {2});
  // What is left after the zero points: x 0 1 / 2 250, w -1 0 / 1 2.
  EXPECT_EQ(
      elements<std::int32_t>(run_op("ConvInteger", {x, w, x_zero, w_zero}, {{"pads", std::vector<Int>{1, 1, 0, 0}}})),
      (S32{0, 2, 4, 502}));
}

TEST(ConvInteger, AgreesWithConvOnWholeNumbers) {
  const Tensor x = small_integers({2, 4, 5, 6}, 1), w = small_integers({6, 2, 3, 2}, 2);
  const auto bytes = [](const Tensor& tensor) {
    Tensor result(DataType::s8, tensor.shape());
    std::ranges::transform(tensor.as<float>(), result.mutable_as<std::int8_t>().begin(),
                           [](float value) { return static_cast<std::int8_t>(value); });
    return result;
  };
  const Attributes attributes{{"group", Int{2}},
                              {"pads", std::vector<Int>{1, 0, 2, 1}},
                              {"strides", std::vector<Int>{2, 1}},
                              {"dilations", std::vector<Int>{1, 2}}};
  const Tensor expected = run_op("Conv", {x, w}, attributes);
  const Tensor actual = run_op("ConvInteger", {bytes(x), bytes(w)}, attributes);
  ASSERT_EQ(to_string(actual.shape()), to_string(expected.shape()));
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
    EXPECT_EQ(static_cast<float>(actual.as<std::int32_t>()[i]), expected.as<float>()[i]);
}

}  // namespace
}  // namespace tessera::test
