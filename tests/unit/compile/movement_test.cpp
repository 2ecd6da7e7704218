// Ops that only move elements, in plans: what evaluate() gives, bit for bit, with any number of threads, from images
// and to images, and without plain code.
#include <string>
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::indices;
using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;

/// Plans the network and compares all its outputs with evaluate().
void expect_exact(const Net& net, const std::vector<Tensor>& inputs) {
  Graph graph = net.graph;
  infer_shapes(graph);
  const auto expected = evaluate(graph, inputs);
  WeightStore weights;
  const auto plan = make_plan(graph, Isa::avx2, weights);
  for (const auto& step : plan->steps) EXPECT_NE(step->info.kernel, "reference") << step->info.op;
  for (const int threads : {1, 3}) {
    const auto got = run_plan(graph, inputs, Isa::avx2, threads, weights);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(same_bits(expected[i], got[i])) << "output " << i;
  }
}

TEST(PlanMovement, TransposesInEveryOrder) {
  std::vector<std::int64_t> perm{0, 1, 2, 3};
  do {
    Net net;
    const ValueId x = net.input("x", {2, 17, 35, 3});
    net.output(net.transpose(x, perm));
    expect_exact(net, {random_tensor(Shape{2, 17, 35, 3}, 1)});
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(PlanMovement, SlicesForwardsAndBackwards) {
  Net net;
  const ValueId x = net.input("x", {3, 20, 7});
  const auto slice = [&](std::vector<std::int64_t> list, std::int64_t axis) {
    net.output(net.op("Slice", {x, net.constant(indices({list[0]})), net.constant(indices({list[1]})),
                                net.constant(indices({axis})), net.constant(indices({list[2]}))}));
  };
  slice({2, 19, 3}, 1);
  slice({-1, -1000, -2}, 1);
  slice({1, 3, 1}, 0);
  slice({5, 0, -1}, 2);
  expect_exact(net, {random_tensor(Shape{3, 20, 7}, 2)});
}

TEST(PlanMovement, SplitsExpandsAndRearrangesBlocks) {
  Net net;
  const ValueId x = net.input("x", {2, 12, 4, 6});
  std::vector<ValueId> parts;
  for (int i = 0; i < 3; ++i) parts.push_back(net.graph.add_value("part", DataType::f32, {}));
  net.graph.nodes.push_back({"Split", "split", {x}, parts, {{"axis", std::int64_t{1}}}});
  for (const ValueId part : parts) net.output(part);
  net.output(net.op("DepthToSpace", {x}, {{"blocksize", std::int64_t{2}}}));
  net.output(net.op("SpaceToDepth", {x}, {{"blocksize", std::int64_t{2}}}));
  const ValueId bias = net.input("bias", {12, 1, 1});
  net.output(net.op("Expand", {bias, net.constant(indices({2, 12, 4, 6}))}));
  expect_exact(net, {random_tensor(Shape{2, 12, 4, 6}, 3), random_tensor(Shape{12, 1, 1}, 4)});
}

TEST(PlanMovement, TilesSelectsAndGathers) {
  Net net;
  const ValueId x = net.input("x", {2, 3, 5}), condition = net.input("condition", {3, 1}, DataType::boolean);
  const ValueId places = net.input("places", {2, 3, 7}, DataType::i64);
  net.output(net.op("Tile", {x, net.constant(indices({2, 1, 3}))}));
  net.output(net.op("Where", {condition, x, net.number(-1)}));
  net.output(net.op("Where", {condition, net.number(2), net.op("Tile", {x, net.constant(indices({1, 1, 2}))})}));
  net.output(net.op("GatherElements", {x, places}, {{"axis", std::int64_t{-1}}}));
  net.output(net.op("Gather", {x, net.constant(Tensor::scalar(std::int64_t{-2}))}, {{"axis", std::int64_t{1}}}));
  net.output(net.op("Gather", {x, net.constant(indices({4, 2, 0}))}, {{"axis", std::int64_t{2}}}));
  const ValueId in_rows = net.constant(Tensor::from<std::int64_t>(Shape{2, 2}, std::vector<std::int64_t>{4, 3, 2, 1}));
  net.output(net.op("Gather", {x, in_rows}, {{"axis", std::int64_t{2}}}));
  net.output(net.op("Neg", {x}));
  net.output(net.op("Mul", {x, net.op("Slice", {x, net.constant(indices({2})), net.constant(indices({3})),
                                                net.constant(indices({2}))})}));
  Tensor holds(DataType::boolean, Shape{3, 1}), wanted(DataType::i64, Shape{2, 3, 7});
  for (std::size_t i = 0; i < 3; ++i) holds.mutable_data()[i] = static_cast<std::byte>(i % 2);
  for (std::size_t i = 0; i < 42; ++i) wanted.mutable_as<std::int64_t>()[i] = static_cast<std::int64_t>(i * 7 % 10) - 5;
  expect_exact(net, {random_tensor(Shape{2, 3, 5}, 6), holds, wanted});
}

/// A plan for every length of text would else hold a table of positions each.
TEST(PlanMovement, RowsOfATableAreTakenFromWhereItLies) {
  Net net;
  const Tensor table = random_tensor(Shape{512, 8}, 9);
  const ValueId ids = net.constant(Tensor::from<std::int64_t>(Shape{1, 3}, std::vector<std::int64_t>{0, 1, 2}));
  net.output(net.op("Add", {net.input("x", {1, 3, 8}), net.op("Gather", {net.constant(table), ids})}));
  infer_shapes(net.graph);
  WeightStore weights;
  const auto plan = make_plan(net.graph, Isa::avx2, weights);
  const auto reads_it = [&](const BufferPlace& buffer) { return buffer.constant == table.data(); };
  EXPECT_TRUE(std::ranges::any_of(plan->buffers, reads_it));
  expect_exact(net, {random_tensor(Shape{1, 3, 8}, 6)});
}

TEST(PlanMovement, AnIndexOutsideIsAnError) {
  Net net;
  const ValueId x = net.input("x", {1, 5}), places = net.input("places", {1, 2}, DataType::i64);
  net.output(net.op("GatherElements", {x, places}, {{"axis", std::int64_t{1}}}));
  infer_shapes(net.graph);
  const Tensor wanted = Tensor::from<std::int64_t>(Shape{1, 2}, std::vector<std::int64_t>{0, 5});
  WeightStore weights;
  EXPECT_THROW(run_plan(net.graph, {random_tensor(Shape{1, 5}, 1), wanted}, Isa::avx2, 1, weights), Error);
}

TEST(PlanMovement, MovesBytesAndIntegers) {
  Net net;
  const ValueId bytes = net.input("bytes", {2, 5, 33}, DataType::u8),
                wide = net.input("wide", {2, 5, 33}, DataType::i64);
  net.output(net.transpose(bytes, {2, 0, 1}));
  net.output(net.transpose(wide, {1, 2, 0}));
  Tensor narrow(DataType::u8, Shape{2, 5, 33});
  for (std::size_t i = 0; i < narrow.bytes(); ++i) narrow.mutable_data()[i] = static_cast<std::byte>(i);
  Tensor long_ones(DataType::i64, Shape{2, 5, 33});
  for (std::size_t i = 0; i < 330; ++i) long_ones.mutable_as<std::int64_t>()[i] = static_cast<std::int64_t>(i) << 33;
  expect_exact(net, {narrow, long_ones});
}

/// What stands between two convolutions reads and writes images.
TEST(PlanMovement, BetweenConvolutions) {
  const auto conv = [](Net& net, ValueId x, std::int64_t in, std::int64_t side, std::int64_t pad) {
    return net.op("FusedConv", {x, net.weight(Shape{8, in, side, side}), net.weight(Shape{8})},
                  {{"pads", ints({pad, pad, pad, pad})}});
  };
  for (const std::int64_t pad : {0, 1}) {
    const std::int64_t side = 2 * pad + 1;
    Net net;
    const ValueId x = net.input("x", {2, 3, 9, 7});
    const ValueId y = conv(net, x, 3, 3, 1);
    // Pixels as tokens and back, and half of the channels.
    const ValueId tokens = net.transpose(y, {0, 2, 3, 1});
    net.output(net.op("Relu", {tokens}));
    net.output(conv(net, net.transpose(net.op("Relu", {tokens}), {0, 3, 1, 2}), 8, side, pad));
    const ValueId half =
        net.op("Slice", {y, net.constant(indices({4})), net.constant(indices({8})), net.constant(indices({1}))});
    net.output(conv(net, half, 4, side, pad));
    Graph graph = net.graph;
    infer_shapes(graph);
    const std::vector<Tensor> inputs{random_tensor(Shape{2, 3, 9, 7}, 5)};
    const auto expected = evaluate(graph, inputs);
    WeightStore weights;
    const auto got = run_plan(graph, inputs, Isa::avx2, 2, weights);
    for (std::size_t i = 0; i < expected.size(); ++i)
      for (std::size_t k = 0; k < expected[i].as<float>().size(); ++k)
        ASSERT_NEAR(expected[i].as<float>()[k], got[i].as<float>()[k], 1e-4) << pad << " output " << i;
  }
}

}  // namespace
}  // namespace tessera
