// Attention as PyTorch's exporters write it: scaled_dot_product_attention with its guard against NaN, masks made by
// Where in every layer, biases by distance, K transposed as a batch of matrices. Results on every tier are those of the
// nodes one by one.
#include <array>
#include <cstdint>
#include <limits>

#include "passes/bf16.hpp"
#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr std::int64_t batch = 2, heads = 3, depth = 4, width = heads * depth, length = 5;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// What may differ between exporters.
struct Form {
  bool guarded = true;
  bool key_as_matrices = false;
  std::vector<std::vector<std::int64_t>> added{{batch, 1, 1, length}};  ///< shapes of masks and biases
};

ValueId split(Net& net, ValueId x) {
  return net.transpose(net.reshape(x, {0, 0, heads, depth}), {0, 2, 1, 3});
}

/// [B, H, S, D] to [B, H, D, S].
ValueId transposed(Net& net, ValueId k, const Form& form) {
  if (!form.key_as_matrices) return net.transpose(k, {0, 1, 3, 2});
  const ValueId matrices = net.transpose(net.reshape(k, {-1, length, depth}), {0, 2, 1});
  return net.reshape(matrices, {batch, heads, depth, length});
}

ValueId guard(Net& net, ValueId p) {
  return net.op("Where", {net.op("IsNaN", {p}), net.number(0), p});
}

ValueId attention(Net& net, ValueId x, const std::vector<ValueId>& added, const Form& form) {
  const ValueId root = net.number(0.7F);
  const ValueId q = net.op("Mul", {split(net, x), root}), k = transposed(net, split(net, x), form);
  ValueId scores = net.op("MatMul", {q, net.op("Mul", {k, root})});
  for (const ValueId mask : added) scores = net.op("Add", {scores, mask});
  ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  if (form.guarded) p = guard(net, p);
  const ValueId context = net.op("MatMul", {p, split(net, x)});
  return net.reshape(net.transpose(context, {0, 2, 1, 3}), {0, 0, width});
}

/// A network of one attention, and its inputs: the first mask keeps the second text from attending to anything.
struct Network {
  Net net;
  std::vector<Tensor> inputs{random_tensor({batch, length, width}, 1)};

  explicit Network(const Form& form) {
    const ValueId x = net.input("x", {batch, length, width});
    std::vector<ValueId> added;
    for (const auto& extents : form.added) {
      Shape shape;
      for (const std::int64_t extent : extents) shape.push_back(extent);
      inputs.push_back(random_tensor(shape, 2, -3, 0));
      added.push_back(net.input("mask", std::vector<Dim>(extents.begin(), extents.end())));
    }
    if (!added.empty()) block_second_text(inputs[1]);
    net.output(attention(net, x, added, form));
  }

  static void block_second_text(Tensor& mask) {
    if (mask.shape().rank() != 4 || mask.shape()[0] != batch) return;
    const auto values = mask.mutable_as<float>();
    std::fill(values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end(), -infinity);
  }
};

/// How a file takes Q, K and V out of one projection.
enum class Packing : std::uint8_t { split, slice, gather, slice_in_place };

ValueId part_of(Net& net, ValueId apart, const std::vector<ValueId>& pieces, Packing packing, std::int64_t i) {
  switch (packing) {
    case Packing::split: return net.reshape(pieces[static_cast<std::size_t>(i)], {batch, heads, length, depth});
    case Packing::gather:
      return net.op("Gather", {apart, net.constant(Tensor::scalar(i))}, {{"axis", std::int64_t{0}}});
    case Packing::slice:
    case Packing::slice_in_place: break;
  }
  const bool in_place = packing == Packing::slice_in_place;
  const ValueId piece = net.op("Slice", {apart, net.constant(indices({i})), net.constant(indices({i + 1})),
                                         net.constant(indices({in_place ? -3 : 0}))});
  if (!in_place) return net.reshape(piece, {batch, heads, length, depth});
  return net.transpose(net.reshape(piece, {batch, length, heads, depth}), {0, 2, 1, 3});
}

/// Q, K and V in the order of `parts`.
Net packed_network(Packing packing, const std::array<std::int64_t, 3>& parts) {
  Net net;
  const ValueId x = net.input("x", {batch, length, 3 * width});
  ValueId apart = net.reshape(x, {0, 0, 3, heads, depth});
  if (packing != Packing::slice_in_place) apart = net.transpose(apart, {2, 0, 3, 1, 4});
  std::vector<ValueId> pieces;
  if (packing == Packing::split) {
    for (int i = 0; i < 3; ++i) pieces.push_back(net.graph.add_value("piece", DataType::f32, {}));
    net.graph.nodes.push_back({"Split", "Split", {apart}, pieces, {{"axis", std::int64_t{0}}}});
  }
  std::array<ValueId, 3> qkv{};
  for (std::size_t i = 0; i < 3; ++i) qkv[i] = part_of(net, apart, pieces, packing, parts[i]);
  const ValueId scores =
      net.op("Mul", {net.op("MatMul", {qkv[0], net.transpose(qkv[1], {0, 1, 3, 2})}), net.number(0.5F)});
  const ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  net.output(net.reshape(net.transpose(net.op("MatMul", {p, qkv[2]}), {0, 2, 1, 3}), {0, 0, width}));
  return net;
}

constexpr double tolerance = (4 * depth + 2 * length + 8) * epsilon;

const Form forms[] = {
    {},
    {.added = {}},
    {.key_as_matrices = true},
    {.guarded = false, .added = {{1, heads, length, length}}},
    {.added = {{batch, 1, length, length}}},
    {.added = {{batch, 1, 1, length}, {1, heads, length, length}}},
    {.guarded = false, .added = {{length, length}, {heads, 1, length}, {1}}},
};

TEST(ExportedAttention, IsOneNode) {
  for (const Form& form : forms) {
    Network network(form);
    Graph after = network.net.graph;
    apply(after, {&passes::transpose_matrices, &passes::fuse_attention});
    ASSERT_EQ(count(after, "FusedAttention"), 1);
    EXPECT_EQ(count(after, "Softmax") + count(after, "MatMul") + count(after, "IsNaN") + count(after, "Transpose"), 0);
    EXPECT_EQ(count(after, "Add"), form.added.empty() ? 0 : static_cast<int>(form.added.size()) - 1);
    EXPECT_EQ(only(after, "FusedAttention").find_attribute<std::int64_t>("nan_is_zero") != nullptr, form.guarded);
    expect_same(network.net.graph, after, network.inputs, tolerance);
  }
}

/// Bound for bf16: q, k, v and the probabilities are rounded to 8 bits, the scores then differ by some hundredths.
constexpr double bf16_tolerance = 0.05;

TEST(ExportedAttention, EveryTierAndPrecisionGivesWhatTheNodesGive) {
  for (const Form& form : forms) {
    Network network(form);
    const Tensor expected = evaluate(network.net.graph, network.inputs)[0];
    for (const bool bf16 : {false, true}) {
      Graph graph = network.net.graph;
      run_passes(graph, default_passes(), nullptr);
      if (bf16) convert_to_bf16(graph);
      infer_shapes(graph);
      for (const Isa isa : tiers_here()) {
        WeightStore weights;
        const Tensor y = run_plan(graph, network.inputs, isa, 2, weights)[0];
        const auto got = y.as<float>(), want = expected.as<float>();
        for (std::size_t i = 0; i < want.size(); ++i)
          ASSERT_NEAR(got[i], want[i], bf16 ? bf16_tolerance : tolerance) << name_of(isa) << " element " << i;
        if (!form.guarded || form.added.empty()) continue;
        // The second text attends to nothing: zeros, not NaN and not a mean.
        for (std::size_t i = want.size() / 2; i < want.size(); ++i) ASSERT_EQ(got[i], 0.0F) << name_of(isa);
      }
    }
  }
}

TEST(ExportedAttention, MasksThatAreTheSameForAllKeysFallBack) {
  for (const auto& mask : {std::vector<std::int64_t>{length, 1}, {1}, {}}) {
    Network network({.guarded = false, .added = {mask}});
    const Tensor expected = evaluate(network.net.graph, network.inputs)[0];
    for (const bool bf16 : {false, true}) {
      Graph graph = network.net.graph;
      run_passes(graph, default_passes(), nullptr);
      EXPECT_EQ(count(graph, "FusedAttention"), 0);
      if (bf16) convert_to_bf16(graph);
      infer_shapes(graph);
      for (const Isa isa : tiers_here()) {
        WeightStore weights;
        const Tensor y = run_plan(graph, network.inputs, isa, 2, weights)[0];
        for (std::size_t i = 0; i < y.as<float>().size(); ++i)
          ASSERT_NEAR(y.as<float>()[i], expected.as<float>()[i], bf16 ? bf16_tolerance : tolerance) << name_of(isa);
      }
    }
  }
}

TEST(ExportedAttention, QKAndVSideBySideAreReadWhereTheyLie) {
  for (const Packing packing : {Packing::split, Packing::slice, Packing::gather, Packing::slice_in_place}) {
    Net net = packed_network(packing, {0, 1, 2});
    const Graph before = net.graph;
    apply(net.graph, {&passes::fuse_attention});
    ASSERT_EQ(ops_of(net.graph), "FusedAttention") << static_cast<int>(packing);
    EXPECT_FALSE(net.graph.nodes[0].has_input(1));
    expect_same(before, net.graph, {random_tensor({batch, length, 3 * width}, 1)}, tolerance);
    Net other = packed_network(packing, {0, 2, 1});
    EXPECT_NE(refusals(apply(other.graph, {&passes::fuse_attention})).find("another order"), std::string::npos);
    EXPECT_EQ(count(other.graph, "FusedAttention"), 0);
  }
}

TEST(ExportedAttention, AGuardThatReplacesSomethingElseStays) {
  Net net;
  const ValueId x = net.input("x", {batch, length, width});
  const ValueId q = split(net, x), scores = net.op("MatMul", {q, net.transpose(split(net, x), {0, 1, 3, 2})});
  const ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  const ValueId one_instead = net.op("Where", {net.op("IsNaN", {p}), net.number(1), p});
  net.output(net.reshape(net.transpose(net.op("MatMul", {one_instead, split(net, x)}), {0, 2, 1, 3}), {0, 0, width}));
  EXPECT_FALSE(refusals(apply(net.graph, {&passes::fuse_attention})).empty());
  EXPECT_EQ(count(net.graph, "FusedAttention"), 0);
}

TEST(MergeEqual, MasksOfAllLayersAreMadeOnce) {
  Net net;
  ValueId x = net.input("x", {batch, length, width});
  const ValueId allowed = net.input("allowed", {batch, 1, 1, length}, DataType::boolean);
  for (int layer = 0; layer < 3; ++layer) {
    const ValueId mask = net.op("Where", {allowed, net.number(0), net.number(-infinity)});
    x = attention(net, x, {mask}, {});
  }
  net.output(x);
  Tensor rows(DataType::boolean, {batch, 1, 1, length});
  for (const std::size_t i : {0U, 1U, 3U, 5U}) rows.mutable_as<bool>()[i] = true;
  const Graph before = net.graph;
  apply(net.graph, {&passes::merge_equal, &passes::fuse_attention});
  EXPECT_EQ(count(net.graph, "Where"), 1);
  EXPECT_EQ(count(net.graph, "FusedAttention"), 3);
  expect_same(before, net.graph, {random_tensor({batch, length, width}, 1), rows}, 3 * tolerance);
}

TEST(MergeEqual, KeepsWhatDiffersAndWhatIsAnOutput) {
  Net net;
  const ValueId x = net.input("x", {2, 3});
  const ValueId a = net.op("Cast", {x}, {{"to", std::int64_t{7}}}), b = net.op("Cast", {x}, {{"to", std::int64_t{6}}});
  const ValueId c = net.op("Cast", {x}, {{"to", std::int64_t{7}}}), sum = net.op("Add", {x, net.number(1)}),
                same = net.op("Add", {x, net.number(1)}), other = net.op("Add", {x, net.number(2)});
  for (const ValueId value : {a, b, c}) net.output(net.op("Neg", {value}));
  for (const ValueId value : {sum, same, other}) net.output(net.op("Neg", {value}));
  net.output(same);
  const Graph before = net.graph;
  apply(net.graph, {&passes::merge_equal});
  EXPECT_EQ(count(net.graph, "Cast"), 2);
  EXPECT_EQ(count(net.graph, "Add"), 3);  // one of two equal ones is an output
  expect_same(before, net.graph, {random_tensor({2, 3}, 1, -9, 9)});
}

TEST(MatrixTransposes, OnlyTheLastTwoAxes) {
  const auto after = [](const std::vector<std::int64_t>& together, const std::vector<std::int64_t>& apart) {
    Net net;
    const ValueId x = net.input("x", {2, 3, 4, 4});
    net.output(net.reshape(net.transpose(net.reshape(x, together), {0, 2, 1}), apart));
    const Graph before = net.graph;
    apply(net.graph, {&passes::transpose_matrices});
    expect_same(before, net.graph, {random_tensor({2, 3, 4, 4}, 1)});
    return count(net.graph, "Reshape");
  };
  EXPECT_EQ(after({6, 4, 4}, {2, 3, 4, 4}), 0);
  EXPECT_EQ(after({-1, 4, 4}, {2, 3, 4, 4}), 0);
  EXPECT_EQ(after({2, 12, 4}, {2, 3, 4, 4}), 2);  // other matrices
  EXPECT_EQ(after({6, 4, 4}, {3, 2, 4, 4}), 2);
}

}  // namespace
}  // namespace tessera::testing
