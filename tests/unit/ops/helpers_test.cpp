#include "ops/helpers.hpp"

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::expect_error;

Node some_node() {
  Node node;
  node.name = "n1";
  node.op = "Add";
  return node;
}

TEST(Helpers, NodeErrorNamesNodeOpReasonAndRemedy) {
  expect_error(ErrorKind::invalid, {"node n1 (Add): too odd: make it even"},
               [] { node_error(some_node(), "too odd", "make it even"); });
}

TEST(Helpers, AxesCountFromEitherSide) {
  EXPECT_EQ(normalised_axis(some_node(), 0, 3), 0U);
  EXPECT_EQ(normalised_axis(some_node(), 2, 3), 2U);
  EXPECT_EQ(normalised_axis(some_node(), -1, 3), 2U);
  EXPECT_EQ(normalised_axis(some_node(), -3, 3), 0U);
  expect_error(ErrorKind::invalid, {"n1", "axis 3", "rank 3"}, [] { (void)normalised_axis(some_node(), 3, 3); });
  expect_error(ErrorKind::invalid, {"n1", "axis -4"}, [] { (void)normalised_axis(some_node(), -4, 3); });
  expect_error(ErrorKind::invalid, {"n1", "axis 0"}, [] { (void)normalised_axis(some_node(), 0, 0); });
}

std::string broadcast(const SymbolicShape& a, const SymbolicShape& b) {
  return to_string(broadcast_shape(some_node(), a, b));
}

TEST(Helpers, BroadcastingOfSymbols) {
  const Dim batch("batch"), seq("seq");
  EXPECT_EQ(broadcast(SymbolicShape{batch, 1, 3}, SymbolicShape{4, 1}), "[batch, 4, 3]");
  EXPECT_EQ(broadcast(SymbolicShape{batch, seq}, SymbolicShape{batch, seq}), "[batch, seq]");
  EXPECT_EQ(broadcast(SymbolicShape{batch}, SymbolicShape{8}), "[8]") << "batch can only be 8 or 1";
  EXPECT_EQ(broadcast(SymbolicShape{batch}, SymbolicShape{seq}), "[?]") << "either may be 1";
  EXPECT_EQ(broadcast(SymbolicShape(Shape{}), SymbolicShape{batch, 2}), "[batch, 2]");
  EXPECT_EQ(broadcast(SymbolicShape{0}, SymbolicShape{1}), "[0]");
  expect_error(ErrorKind::invalid, {"n1", "2 and 3"}, [] { (void)broadcast(SymbolicShape{2}, SymbolicShape{3}); });
}

TEST(Helpers, StridesAreZeroWhereAnOperandRepeats) {
  const Strides dense = dense_strides(Shape{2, 3, 4});
  EXPECT_EQ(dense[0], 12);
  EXPECT_EQ(dense[1], 4);
  EXPECT_EQ(dense[2], 1);
  const Strides repeated = broadcast_strides(Shape{3, 1}, Shape{2, 3, 4});
  EXPECT_EQ(repeated[0], 0);
  EXPECT_EQ(repeated[1], 1);
  EXPECT_EQ(repeated[2], 0);
}

TEST(Helpers, ForEachElementVisitsRowMajorWithOffsets) {
  const Shape shape{2, 3};
  const std::array<Strides, 2> strides{dense_strides(shape), broadcast_strides(Shape{2, 1}, shape)};
  std::vector<std::int64_t> indices, dense, repeated;
  for_each_element<2>(shape, strides, [&](std::int64_t index, const auto& at) {
    indices.push_back(index);
    dense.push_back(at[0]);
    repeated.push_back(at[1]);
  });
  EXPECT_EQ(indices, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(dense, indices);
  EXPECT_EQ(repeated, (std::vector<std::int64_t>{0, 0, 0, 1, 1, 1}));
}

TEST(Helpers, ForEachElementOfScalarsAndNothing) {
  int visits = 0;
  for_each_element<1>(Shape{}, {Strides{}}, [&](std::int64_t, const auto&) { ++visits; });
  EXPECT_EQ(visits, 1);
  for_each_element<1>(Shape{3, 0}, {Strides{}}, [&](std::int64_t, const auto&) { ++visits; });
  EXPECT_EQ(visits, 1);
}

TEST(Helpers, ExtentsComeFromSmallIntegerConstants) {
  EXPECT_EQ(*extents_of(test::integers({2, -1})), (std::vector<Dim>{2, -1}));
  EXPECT_EQ(*extents_of(Tensor::scalar(std::int32_t{5})), std::vector<Dim>{5});
  EXPECT_FALSE(extents_of(test::floats(Shape{1}, {2})).has_value());
  EXPECT_FALSE(extents_of(Tensor(DataType::i64, Shape{2, 2})).has_value());
  EXPECT_FALSE(extents_of(Tensor(DataType::i64, Shape{1000})).has_value());
}

TEST(Helpers, IntegersNeedEveryExtentKnown) {
  Graph graph;
  const ValueId id = graph.add_value("shape", DataType::i64, SymbolicShape{2});
  EXPECT_FALSE(integers_of(graph, id).has_value());
  graph.value(id).extents = std::vector<Dim>{Dim("batch"), 3};
  EXPECT_TRUE(extents_of(graph, id).has_value());
  EXPECT_FALSE(integers_of(graph, id).has_value());
  graph.value(id).extents = std::vector<Dim>{2, 3};
  EXPECT_EQ(*integers_of(graph, id), (std::vector<std::int64_t>{2, 3}));
  EXPECT_FALSE(integers_of(graph, no_value).has_value());
}

TEST(Helpers, OutputsThatCannotExistAreRefused) {
  Graph graph;
  Node node = some_node();
  node.outputs = {graph.add_value("y", DataType::f32)};
  const auto set = [&](SymbolicShape shape) { set_output(graph, node, 0, DataType::f32, std::move(shape)); };
  expect_error(ErrorKind::invalid, {"n1", "negative", "[2, -3]"}, [&] { set({2, -3}); });
  expect_error(ErrorKind::invalid, {"n1", "too large"}, [&] { set({std::int64_t{1} << 40, std::int64_t{1} << 40}); });
  expect_error(ErrorKind::invalid, {"n1", "8 dimensions"}, [&] { set(SymbolicShape(std::vector<Dim>(9, 1))); });
  set({Dim("batch"), 3});
  EXPECT_EQ(to_string(graph.value(node.outputs[0]).shape), "[batch, 3]");
}

}  // namespace
}  // namespace tessera
