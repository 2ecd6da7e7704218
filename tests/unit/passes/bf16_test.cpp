// Which values are kept in bf16.
#include "passes/bf16.hpp"

#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

/// A convolution, a pool of the largest, and another convolution, or the pool's result as the output.
Graph pooled_in_bf16(bool convolved_again) {
  Net net;
  const auto conv = [&](ValueId x) {
    return net.op("Conv", {x, net.weight(Shape{16, 16, 1, 1}), net.weight(Shape{16})});
  };
  const ValueId pooled = net.op("MaxPool", {conv(net.input("x", {2, 16, 9, 9}))},
                                {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}});
  net.output(convolved_again ? conv(pooled) : pooled);
  run_passes(net.graph, default_passes(), nullptr);
  convert_to_bf16(net.graph);
  infer_shapes(net.graph);
  return net.graph;
}

TEST(Bf16, RoundsBeforeAPoolOfTheLargest) {
  const Graph graph = pooled_in_bf16(true);
  const Node& pool = only(graph, "MaxPool");
  ASSERT_EQ(graph.value(pool.inputs[0]).type, DataType::bf16);
  Graph rounded_later = graph;
  rounded_later.value(pool.inputs[0]).type = DataType::f32;
  const std::vector<Tensor> inputs{random_tensor(Shape{2, 16, 9, 9}, 7)};
  for (const Isa isa : tiers_here()) {
    WeightStore weights;
    const auto early = run_plan(graph, inputs, isa, 2, weights),
               late = run_plan(rounded_later, inputs, isa, 2, weights);
    EXPECT_TRUE(same_bits(early[0], late[0])) << name_of(isa);
  }
}

TEST(Bf16, DoesNotRoundWhatIsAnOutput) {
  const Graph graph = pooled_in_bf16(false);
  EXPECT_EQ(graph.value(only(graph, "MaxPool").inputs[0]).type, DataType::f32);
}

}  // namespace
}  // namespace tessera::testing
