// Shape inference over whole chains, as exporters write them.
#include <limits>

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::expect_error;
using test::integers;

const Dim batch("batch"), seq("seq");

/// Builds the shape arithmetic that PyTorch's exporter writes around Reshape.
class Chains {
 public:
  Graph graph;

  ValueId constant(std::initializer_list<std::int64_t> values) {
    return graph.add_constant("constant", integers(values));
  }
  ValueId scalar(std::int64_t value) { return graph.add_constant("constant", Tensor::scalar(value)); }

  /// Shape -> Gather -> Unsqueeze: extent `axis` of x as a vector of one.
  ValueId extent(ValueId x, std::int64_t axis) {
    const ValueId shape = graph.append("Shape", "shape", {x});
    const ValueId picked = graph.append("Gather", "gather", {shape, scalar(axis)}, {{"axis", std::int64_t{0}}});
    return graph.append("Unsqueeze", "unsqueeze", {picked, constant({0})});
  }
  ValueId reshape(ValueId x, std::vector<ValueId> extents) {
    const ValueId shape = graph.append("Concat", "concat", std::move(extents), {{"axis", std::int64_t{0}}});
    return graph.append("Reshape", "reshape", {x, shape});
  }
  ValueId transpose(ValueId x) {
    return graph.append("Transpose", "transpose", {x}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  }
  [[nodiscard]] std::string shape_of(ValueId id) const { return to_string(graph.value(id).shape); }
};

/// x -> heads [batch, 12, seq, 64] -> back to [batch, seq, 768].
struct AttentionShapes : Chains {
  ValueId x, heads, merged;

  AttentionShapes() {
    x = graph.add_input("x", DataType::f32, SymbolicShape{batch, seq, 768});
    heads = transpose(reshape(x, {extent(x, 0), extent(x, 1), constant({12}), constant({64})}));
    const ValueId back = transpose(heads);
    merged = reshape(back, {extent(back, 0), extent(back, 1), constant({768})});
    graph.outputs = {merged};
  }
};

TEST(InferShapes, SplittingAndMergingHeadsKeepsSymbols) {
  AttentionShapes chain;
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(chain.heads), "[batch, 12, seq, 64]");
  EXPECT_EQ(chain.shape_of(chain.merged), "[batch, seq, 768]");
}

TEST(InferShapes, TheRemainderOfAComputedShapeIsFound) {
  Chains chain;
  const ValueId x = chain.graph.add_input("x", DataType::f32, SymbolicShape{batch, seq, 768});
  const ValueId heads =
      chain.reshape(x, {chain.extent(x, 0), chain.constant({-1}), chain.constant({12}), chain.constant({64})});
  const ValueId rows = chain.reshape(x, {chain.constant({-1}), chain.extent(x, 2)});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(heads), "[batch, seq, 12, 64]");
  EXPECT_EQ(chain.shape_of(rows), "[(batch*seq), 768]");
}

TEST(InferShapes, RunsAgainWithTheSameResult) {
  AttentionShapes chain;
  infer_shapes(chain.graph);
  const std::string once = to_text(chain.graph);
  infer_shapes(chain.graph);
  EXPECT_EQ(to_text(chain.graph), once);
}

TEST(InferShapes, ForgetsWhatNoLongerHolds) {
  AttentionShapes chain;
  infer_shapes(chain.graph);
  chain.graph.value(chain.x).shape = SymbolicShape{Dim("images"), 7, 768};
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(chain.merged), "[images, 7, 768]");
  EXPECT_EQ(to_text(chain.graph).find("batch"), std::string::npos) << to_text(chain.graph);
}

TEST(InferShapes, NamesTheOperatorItDoesNotKnow) {
  Graph graph;
  graph.append("Loop", "mix", {graph.add_input("x", DataType::f32, SymbolicShape{1})});
  expect_error(ErrorKind::invalid, {"node mix (Loop)", "not supported"}, [&] { infer_shapes(graph); });
}

TEST(InferShapes, PositionIdsAreSlicedToTheSequence) {
  Chains chain;
  const ValueId ids = chain.graph.add_input("ids", DataType::i64, SymbolicShape{batch, seq});
  const ValueId table = chain.graph.add_constant("position_ids", Tensor(DataType::i64, Shape{1, 512}));
  const ValueId positions =
      chain.graph.append("Slice", "positions",
                         {table, chain.constant({0}), chain.extent(ids, 1), chain.constant({1}), chain.constant({1})});
  chain.graph.outputs = {positions};
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(positions), "[1, seq]");
  Graph longer = chain.graph;
  bind_shapes(chain.graph, std::vector<Binding>{{"batch", 2}, {"seq", 128}});
  EXPECT_EQ(chain.shape_of(positions), "[1, 128]");
  bind_shapes(longer, std::vector<Binding>{{"batch", 2}, {"seq", 600}});
  EXPECT_EQ(to_string(longer.value(positions).shape), "[1, 512]") << "the slice ends with the data";
}

TEST(InferShapes, MaskIsUnsqueezedAndCast) {
  Chains chain;
  const ValueId mask = chain.graph.add_input("mask", DataType::i64, SymbolicShape{batch, seq});
  const ValueId inner = chain.graph.append("Unsqueeze", "a", {mask, chain.constant({1})});
  const ValueId outer = chain.graph.append("Unsqueeze", "b", {inner, chain.constant({2})});
  const ValueId real = chain.graph.append("Cast", "c", {outer}, {{"to", std::int64_t{1}}});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(real), "[batch, 1, 1, seq]");
  EXPECT_EQ(chain.graph.value(real).type, DataType::f32);
}

/// expand(-1 -> keep) as exported: where(shape == ones * -1, ones, shape), which then feeds Expand.
TEST(InferShapes, ExpandWithKeptExtents) {
  Chains chain;
  const ValueId mask = chain.graph.add_input("mask", DataType::f32, SymbolicShape{batch, 1, 1, seq});
  const ValueId wanted = chain.graph.append(
      "Concat", "wanted", {chain.extent(mask, 0), chain.constant({1}), chain.extent(mask, 3), chain.constant({-1})},
      {{"axis", std::int64_t{0}}});
  const ValueId ones = chain.graph.append("ConstantOfShape", "ones", {chain.constant({4})}, {{"value", integers({1})}});
  const ValueId minus = chain.graph.append("Mul", "minus", {ones, chain.scalar(-1)});
  const ValueId kept = chain.graph.append("Equal", "kept", {wanted, minus});
  const ValueId shape = chain.graph.append("Where", "where", {kept, ones, wanted});
  const ValueId expanded = chain.graph.append("Expand", "expand", {mask, shape});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(expanded), "[batch, 1, seq, seq]");
  bind_shapes(chain.graph, std::vector<Binding>{{"batch", 2}, {"seq", 5}});
  EXPECT_EQ(chain.shape_of(expanded), "[2, 1, 5, 5]");
}

TEST(InferShapes, ArithmeticOnExtentsIsFollowed) {
  Chains chain;
  const ValueId x = chain.graph.add_input("x", DataType::f32, SymbolicShape{batch, seq, 64});
  const ValueId shape = chain.graph.append("Shape", "shape", {x});
  const ValueId pair =
      chain.graph.append("Slice", "pair", {shape, chain.constant({0}), chain.constant({2}), chain.constant({0})});
  const ValueId parts = chain.graph.append("Split", "batch_part", {pair}, {{"axis", std::int64_t{0}}});
  chain.graph.nodes.back().outputs.push_back(chain.graph.add_value("seq_part", DataType::f32));
  const ValueId product = chain.graph.append("Mul", "product", {parts, chain.graph.find("seq_part")});
  const ValueId number = chain.graph.append("Squeeze", "number", {product, chain.constant({0})});
  const ValueId small = chain.graph.append("Cast", "small", {number}, {{"to", std::int64_t{6}}});
  const ValueId wide = chain.graph.append("Cast", "wide", {small}, {{"to", std::int64_t{7}}});
  const ValueId again = chain.graph.append("Unsqueeze", "again", {wide, chain.constant({0})});
  const ValueId rows = chain.reshape(x, {again, chain.constant({-1})});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(rows), "[(batch*seq), 64]");
}

TEST(InferShapes, RangeOverTheSequence) {
  Chains chain;
  const ValueId ids = chain.graph.add_input("ids", DataType::i64, SymbolicShape{batch, seq});
  const ValueId length = chain.graph.append("Squeeze", "length", {chain.extent(ids, 1)});
  const ValueId range = chain.graph.append("Range", "range", {chain.scalar(0), length, chain.scalar(1)});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(range), "[seq]");
}

TEST(InferShapes, AnExtentFromDataLeavesTheOthersInPlace) {
  Chains chain;
  const ValueId x = chain.graph.add_input("x", DataType::f32, SymbolicShape{batch, 768});
  const ValueId heads = chain.graph.add_input("heads", DataType::i64, SymbolicShape{1});
  const ValueId reshaped = chain.reshape(x, {chain.extent(x, 0), heads, chain.constant({64})});
  infer_shapes(chain.graph);
  EXPECT_EQ(chain.shape_of(reshaped), "[batch, ?, 64]");
}

TEST(BindShapes, MakesEverythingConcrete) {
  AttentionShapes chain;
  bind_shapes(chain.graph, std::vector<Binding>{{"seq", 7}, {"batch", 2}, {"unused", 1}});
  for (const Value& value : chain.graph.values) EXPECT_TRUE(value.shape.concrete()) << value.name;
  EXPECT_EQ(chain.shape_of(chain.heads), "[2, 12, 7, 64]");
  EXPECT_EQ(chain.shape_of(chain.merged), "[2, 7, 768]");
}

TEST(BindShapes, NamesTheSymbolWithoutANumber) {
  AttentionShapes chain;
  expect_error(ErrorKind::invalid, {"seq", "input x"}, [&] {
    bind_shapes(chain.graph, std::vector<Binding>{{"batch", 2}});
  });
}

TEST(BindShapes, RefusesExtentsBelowOneAndNamelessOnes) {
  AttentionShapes chain;
  expect_error(ErrorKind::invalid, {"batch", "0"}, [&] {
    bind_shapes(chain.graph, std::vector<Binding>{{"batch", 0}, {"seq", 1}});
  });
  Graph nameless;
  nameless.add_input("y", DataType::f32, SymbolicShape{Dim(), 3});
  expect_error(ErrorKind::invalid, {"input y"}, [&] { bind_shapes(nameless, {}); });
  Graph unranked;
  unranked.add_input("z", DataType::f32, {});
  expect_error(ErrorKind::invalid, {"input z", "shape"}, [&] { bind_shapes(unranked, {}); });
}

/// An extent of 0 makes a tensor of no elements, not its other extents harmless: windows are calculated with them.
TEST(InferShapes, AnExtentOfZeroDoesNotExcuseTheOthers) {
  const std::int64_t absurd = std::numeric_limits<std::int64_t>::max();
  const auto infer = [](const char* op, SymbolicShape x, SymbolicShape w) {
    Graph graph;
    const ValueId input = graph.add_input("x", DataType::f32, std::move(x));
    const ValueId weights = graph.add_input("w", DataType::f32, std::move(w));
    graph.outputs = {graph.append(op, "the_node", {input, weights}, {{"strides", std::vector<std::int64_t>{2, 2}}})};
    infer_shapes(graph);
  };
  for (const char* op : {"ConvTranspose", "Conv"}) {
    expect_error(ErrorKind::invalid, {"tensor x", "memory"}, [&] { infer(op, {0, 3, Dim(absurd), 8}, {3, 3, 2, 2}); });
    expect_error(ErrorKind::invalid, {"tensor w", "memory"}, [&] {
      infer(op, {batch, 3, 8, 8}, {3, 0, 2, Dim(absurd)});
    });
    expect_error(ErrorKind::invalid, {"the_node", "weights"}, [&] {
      infer(op, {batch, 0, 8, 8}, {0, 0, 2, Dim(std::int64_t{1} << 40)});
    });
  }
  expect_error(ErrorKind::invalid, {"the_node", "too large"}, [&] {
    infer("ConvTranspose", {1, 0, Dim((std::int64_t{1} << 45) + 1), 1}, {0, 0, 2, 1});
  });
}

/// Pads as PyTorch's exporter computes them, through a matrix that it turns around.
TEST(InferShapes, ElementsOfSmallMatricesAreKnown) {
  Chains chains;
  const ValueId x = chains.graph.add_input("x", DataType::f32, {1, 3, 5, 7});
  const ValueId wanted = chains.constant({8});
  const ValueId right = chains.graph.append("Sub", "sub", {wanted, chains.extent(x, 3)});
  const ValueId below = chains.graph.append("Sub", "sub", {wanted, chains.extent(x, 2)});
  const ValueId list = chains.graph.append(
      "Concat", "list", {chains.constant({0}), right, chains.constant({0}), below, chains.constant({0, 0, 0, 0})},
      {{"axis", std::int64_t{0}}});
  const ValueId pairs = chains.graph.append("Reshape", "pairs", {list, chains.constant({-1, 2})});
  const ValueId turned =
      chains.graph.append("Slice", "slice",
                          {pairs, chains.constant({-1}), chains.constant({std::numeric_limits<std::int64_t>::min()}),
                           chains.constant({0}), chains.constant({-1})});
  const ValueId transposed =
      chains.graph.append("Transpose", "transpose", {turned}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  const ValueId pads = chains.graph.append("Reshape", "pads", {transposed, chains.constant({-1})});
  const ValueId y = chains.graph.append("Pad", "pad", {x, pads});
  infer_shapes(chains.graph);
  EXPECT_EQ(chains.shape_of(y), "[1, 3, 8, 8]");
}

}  // namespace
}  // namespace tessera
