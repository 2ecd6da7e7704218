#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::integers;
using test::one_node;
using test::run_op;
using test::run_op_outputs;
using test::tensor;
using Integers = std::vector<std::int64_t>;

/// The inferred shape of a node over inputs of these shapes; integer vectors are constants.
SymbolicShape inferred(const std::string& op, const SymbolicShape& shape, const Integers& list,
                       Attributes attributes = {}) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, shape);
  const ValueId constant = graph.add_constant(
      "list", Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(list.size())}, std::span(list)));
  graph.outputs = {graph.append(op, "tested", {x, constant}, std::move(attributes))};
  infer_shapes(graph);
  return graph.value(graph.outputs[0]).shape;
}

const Tensor six = floats(Shape{2, 3}, {1, 2, 3, 4, 5, 6});

TEST(Reshape, KeepsTheOrderOfElements) {
  const Tensor reshaped = run_op("Reshape", {six, integers({3, 2})});
  EXPECT_EQ(reshaped.shape(), (Shape{3, 2}));
  EXPECT_EQ(elements<float>(reshaped), elements<float>(six));
}

TEST(Reshape, ZeroCopiesAndMinusOneTakesTheRest) {
  EXPECT_EQ(run_op("Reshape", {six, integers({0, -1, 1})}).shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(run_op("Reshape", {six, integers({-1})}).shape(), (Shape{6}));
  EXPECT_EQ(run_op("Reshape", {Tensor::scalar(1.0F), integers({-1})}).shape(), (Shape{1}));
  EXPECT_EQ(run_op("Reshape", {floats(Shape{1}, {1}), integers({})}).shape(), Shape{});
}

TEST(Reshape, AllowzeroTakesZeroLiterally) {
  const Tensor nothing(DataType::f32, Shape{0, 3});
  EXPECT_EQ(run_op("Reshape", {nothing, integers({3, 0})}, {{"allowzero", std::int64_t{1}}}).shape(), (Shape{3, 0}));
  expect_error(ErrorKind::invalid, {"tested", "Reshape", "elements"}, [] {
    run_op("Reshape", {six, integers({2, 0})}, {{"allowzero", std::int64_t{1}}});
  });
}

TEST(Reshape, CarriesSymbolsThrough) {
  const Dim batch("batch"), seq("seq");
  EXPECT_EQ(inferred("Reshape", SymbolicShape{batch, seq, 768}, {0, 0, 12, 64}), (SymbolicShape{batch, seq, 12, 64}));
  EXPECT_EQ(inferred("Reshape", SymbolicShape{batch, seq, 12, 64}, {0, 0, -1}), (SymbolicShape{batch, seq, 768}));
  EXPECT_EQ(inferred("Reshape", SymbolicShape{batch, seq, 768}, {0, -1, 12, 64}), (SymbolicShape{batch, seq, 12, 64}));
  EXPECT_EQ(inferred("Reshape", SymbolicShape{batch, 12, seq, 64}, {-1, 64}), (SymbolicShape{batch * seq * 12, 64}));
}

TEST(Reshape, NamesTheNodeWhenElementsDoNotMatch) {
  expect_error(ErrorKind::invalid, {"node tested (Reshape)", "[2, 3]", "[4, 2]"}, [] {
    run_op("Reshape", {six, integers({4, 2})});
  });
  expect_error(ErrorKind::invalid, {"tested", "divide"}, [] { run_op("Reshape", {six, integers({4, -1})}); });
  expect_error(ErrorKind::invalid, {"tested", "more than one"}, [] { run_op("Reshape", {six, integers({-1, -1})}); });
  expect_error(ErrorKind::invalid, {"tested", "no input extent"}, [] {
    run_op("Reshape", {six, integers({2, 3, 0})});
  });
  expect_error(ErrorKind::invalid, {"tested", "negative"}, [] { run_op("Reshape", {six, integers({-2, -3})}); });
}

TEST(Flatten, CutsAtTheAxis) {
  const Tensor input(DataType::f32, Shape{2, 3, 4});
  EXPECT_EQ(run_op("Flatten", {input}).shape(), (Shape{2, 12}));
  EXPECT_EQ(run_op("Flatten", {input}, {{"axis", std::int64_t{0}}}).shape(), (Shape{1, 24}));
  EXPECT_EQ(run_op("Flatten", {input}, {{"axis", std::int64_t{3}}}).shape(), (Shape{24, 1}));
  EXPECT_EQ(run_op("Flatten", {input}, {{"axis", std::int64_t{-1}}}).shape(), (Shape{6, 4}));
  expect_error(ErrorKind::invalid, {"tested", "axis 4"}, [&] {
    run_op("Flatten", {input}, {{"axis", std::int64_t{4}}});
  });
}

TEST(Squeeze, TakesAxesAsAttributeOrInput) {
  const Tensor input = floats(Shape{1, 3, 1}, {1, 2, 3});
  EXPECT_EQ(run_op("Squeeze", {input}, {{"axes", Integers{0}}}).shape(), (Shape{3, 1}));
  EXPECT_EQ(run_op("Squeeze", {input, integers({-1})}).shape(), (Shape{1, 3}));
  const Tensor all = run_op("Squeeze", {input});
  EXPECT_EQ(all.shape(), (Shape{3}));
  EXPECT_EQ(elements<float>(all), (std::vector<float>{1, 2, 3}));
}

TEST(Squeeze, RefusesWhatIsNotOne) {
  expect_error(ErrorKind::invalid, {"node tested (Squeeze)", "axis 1", "[2, 3]"}, [] {
    run_op("Squeeze", {six, integers({1})});
  });
  expect_error(ErrorKind::invalid, {"tested", "axis 2", "rank 2"}, [] { run_op("Squeeze", {six, integers({2})}); });
}

TEST(Squeeze, WithoutAxesWaitsForNumbers) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape{Dim("batch"), 3, 1});
  graph.outputs = {graph.append("Relu", "after", {graph.append("Squeeze", "squeeze", {x})})};
  infer_shapes(graph);
  EXPECT_FALSE(graph.value(graph.outputs[0]).shape.ranked);
  bind_shapes(graph, std::vector<Binding>{{"batch", 1}});
  EXPECT_EQ(graph.value(graph.outputs[0]).shape, SymbolicShape{3});
}

TEST(Unsqueeze, TakesAxesAsAttributeOrInput) {
  EXPECT_EQ(run_op("Unsqueeze", {six}, {{"axes", Integers{0, 3}}}).shape(), (Shape{1, 2, 3, 1}));
  EXPECT_EQ(run_op("Unsqueeze", {six, integers({-1})}).shape(), (Shape{2, 3, 1}));
  EXPECT_EQ(run_op("Unsqueeze", {Tensor::scalar(2.0F), integers({0})}).shape(), (Shape{1}));
  expect_error(ErrorKind::invalid, {"tested", "Unsqueeze", "no axes"}, [] { run_op("Unsqueeze", {six}); });
  expect_error(ErrorKind::invalid, {"tested", "twice"}, [] { run_op("Unsqueeze", {six, integers({0, -4})}); });
}

TEST(Transpose, MovesElements) {
  const Tensor turned = run_op("Transpose", {six});
  EXPECT_EQ(turned.shape(), (Shape{3, 2}));
  EXPECT_EQ(elements<float>(turned), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  const Tensor input = tensor<std::uint8_t>(Shape{2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor permuted = run_op("Transpose", {input}, {{"perm", Integers{2, 0, 1}}});
  EXPECT_EQ(permuted.shape(), (Shape{3, 2, 1}));
  EXPECT_EQ(elements<std::uint8_t>(permuted), (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 6}));
}

TEST(Transpose, BackAndForthIsTheSameForEveryWidth) {
  const auto check = [](const Tensor& input) {
    const Tensor there = run_op("Transpose", {input}, {{"perm", Integers{3, 1, 0, 2}}});
    const Tensor back = run_op("Transpose", {there}, {{"perm", Integers{2, 1, 3, 0}}});
    EXPECT_EQ(back.shape(), input.shape());
    EXPECT_TRUE(std::equal(back.data(), back.data() + back.bytes(), input.data()));
    EXPECT_FALSE(std::equal(there.data(), there.data() + there.bytes(), input.data()));
  };
  for (const DataType type : {DataType::u8, DataType::bf16, DataType::f32, DataType::i64}) {
    Tensor input(type, Shape{2, 3, 4, 5});
    for (std::size_t i = 0; i < input.bytes(); ++i) input.mutable_data()[i] = static_cast<std::byte>(i * 7);
    check(input);
  }
}

TEST(Transpose, RefusesABrokenPermutation) {
  expect_error(ErrorKind::invalid, {"node tested (Transpose)", "perm", "3 axes", "rank 2"}, [] {
    run_op("Transpose", {six}, {{"perm", Integers{0, 1, 2}}});
  });
  expect_error(ErrorKind::invalid, {"perm", "twice"}, [] { run_op("Transpose", {six}, {{"perm", Integers{1, 1}}}); });
}

TEST(Identity, Copies) {
  EXPECT_EQ(elements<float>(run_op("Identity", {six})), elements<float>(six));
}

TEST(Dropout, DropsNothingAndMasksNothing) {
  const auto outputs = run_op_outputs("Dropout", {six, Tensor::scalar(0.5F)}, {}, 2);
  EXPECT_EQ(elements<float>(outputs[0]), elements<float>(six));
  EXPECT_EQ(elements<bool>(outputs[1]), std::vector<bool>(6, true));
  EXPECT_EQ(elements<float>(run_op("Dropout", {six, Tensor{}, Tensor::scalar(false)})), elements<float>(six));
  expect_error(ErrorKind::invalid, {"node tested (Dropout)", "training_mode"}, [] {
    run_op("Dropout", {six, Tensor{}, Tensor::scalar(true)});
  });
}

}  // namespace
}  // namespace tessera
