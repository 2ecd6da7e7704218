// A batch in parts: how large they are, and that nobody sees it in the results.
#include "engine/batch_split.hpp"

#include <gtest/gtest.h>

#include "unit/engine/session_support.hpp"
#include "unit/support/bert_like.hpp"

namespace tessera {
namespace {

using testing::BertLike;
using testing::indices;
using testing::Net;
using testing::same_bits;
using testing::SessionTest;
using testing::tiers_here;

constexpr std::size_t mega = 1 << 20;

Topology machine(std::size_t l3_per_core) {
  Topology topology;
  topology.l2_bytes = mega;
  topology.l3_per_core_bytes = l3_per_core;
  return topology;
}

TEST(BatchSplit, APartFillsAQuarterOfACoresCacheAtMost) {
  const BatchSplit one = split_batch({7 * mega, 160}, 16, 2, machine(16 * mega));
  EXPECT_EQ(one.part, 1);
  EXPECT_EQ(one.parts, 16);
  EXPECT_EQ(one.left, 0);
  EXPECT_EQ(split_batch({2 * mega, 160}, 16, 2, machine(16 * mega)).part, 2);
  EXPECT_EQ(split_batch({2 * mega, 160}, 16, 2, machine(2 * mega)).part, 1);
}

TEST(BatchSplit, LargeWeightsKeepTheBatchTogether) {
  EXPECT_EQ(split_batch({1000, 1}, 100, 2, machine(mega)).part, 0);
  EXPECT_FALSE(split_batch({1000, 1}, 100, 2, machine(mega)).why.empty());
  EXPECT_GE(split_batch({1000, 1}, 300, 2, machine(mega)).part, 128);
  EXPECT_GE(split_batch({mega, 20}, 100, 2, machine(mega)).part, 7);
}

TEST(BatchSplit, FewItemsAreLeftOver) {
  for (const int threads : {1, 2, 3, 4})
    for (std::int64_t items = 2; items < 40; ++items) {
      const BatchSplit split = split_batch({mega, 200}, items, threads, machine(8 * mega));
      if (items < threads) {
        EXPECT_EQ(split.part, 0);
        continue;
      }
      ASSERT_GT(split.part, 0);
      EXPECT_EQ(split.part * split.parts + split.left, items);
      EXPECT_EQ(split.parts % threads, 0);
      EXPECT_LT(split.left, threads);
    }
}

TEST_F(SessionTest, ABatchInPartsGivesTheSameBits) {
  const Model model = Model::load(path_);
  constexpr std::int64_t items = 11;
  for (const Isa isa : tiers_here())
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic}) {
      const auto compile = [&](int threads) {
        return model.compile({.precision = precision,
                              .isa = isa,
                              .threads = threads,
                              .extents = {{"batch", items}},
                              .calibration = {image(2)}});
      };
      Session together = compile(static_cast<int>(items) + 1);
      ASSERT_EQ(together.batch_split().part, 0);
      const Tensor expected = only(together.run(image(items)));
      for (const int threads : {1, 2, 3}) {
        Session session = compile(threads);
        ASSERT_GT(session.batch_split().part, 0) << session.batch_split().why;
        EXPECT_GT(session.batch_split().left, 0);
        EXPECT_NEAR(session.gflop(), together.gflop(), 1e-9);
        for (int run = 0; run < 2; ++run)
          EXPECT_TRUE(same_bits(only(session.run(image(items))), expected))
              << name_of(precision) << " " << name_of(isa) << " " << threads;
      }
    }
}

TEST_F(SessionTest, TextsInPartsGiveTheSameBits) {
  Graph graph = BertLike(true, false).graph;
  infer_shapes(graph);
  write_onnx(graph, path_);
  const Model model = Model::load(path_);
  constexpr std::int64_t items = 19, seq = 16;
  const std::vector<Tensor> data = testing::tokens(items, seq);
  const TensorMap inputs{{"ids", data[0]}, {"mask", data[1]}};
  for (const Isa isa : tiers_here())
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic}) {
      const auto compile = [&](int threads) {
        return model.compile({.precision = precision,
                              .isa = isa,
                              .threads = threads,
                              .extents = {{"batch", items}, {"seq", seq}},
                              .calibration = {inputs}});
      };
      Session together = compile(static_cast<int>(items) + 1);
      ASSERT_EQ(together.batch_split().part, 0);
      const TensorMap expected = together.run(inputs);
      for (const int threads : {1, 2}) {
        Session session = compile(threads);
        ASSERT_GT(session.batch_split().part, 0) << session.batch_split().why;
        for (const auto& [name, tensor] : session.run(inputs))
          EXPECT_TRUE(same_bits(tensor, expected.at(name)))
              << name << " " << name_of(precision) << " " << name_of(isa) << " " << threads;
      }
    }
}

/// An exporter that keeps the batch of its example in a Reshape writes a file that fits this batch alone.
TEST_F(SessionTest, ABatchThatTheFileFixesRunsAsAWhole) {
  Net net;
  const ValueId x = net.op("Relu", {net.input("x", {Dim("batch"), 2})});
  net.output(net.reshape(x, {2, 3}));
  infer_shapes(net.graph);
  write_onnx(net.graph, path_);
  Session session = Model::load(path_).compile({.threads = 2, .extents = {{"batch", 3}}});
  EXPECT_EQ(session.batch_split().part, 0);
  EXPECT_EQ(session.batch_split().why, "the model does not take one item alone");
  const Tensor three = testing::random_tensor({3, 2}, 1);
  const Tensor y = only(session.run({{"x", three}}));
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(y.as<float>()[i], std::max(0.0F, three.as<float>()[i]));
}

TEST_F(SessionTest, ExplainCountsEveryPart) {
  Session session = Model::load(path_).compile({.threads = 2, .extents = {{"batch", 7}}});
  const BatchSplit& split = session.batch_split();
  std::int64_t runs = 0;
  for (const StepInfo& step : session.explain(1)) {
    runs += step.runs;
    EXPECT_GT(step.seconds, 0) << step.node;
  }
  const std::size_t steps = session.explain().size();
  EXPECT_EQ(runs, static_cast<std::int64_t>(steps) / 2 * (split.parts + 1));
}

/// Two inputs, of which one is the same for all items, and outputs that are views of what others are.
TEST(BatchPlans, SharedInputsAndViewsAreBound) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 3}), table = net.input("table", {4, 3});
  const ValueId sum = net.op("Add", {x, table});
  net.output(sum);
  net.output(net.reshape(sum, {-1, 3}));
  net.output(net.op("Identity", {x}));
  infer_shapes(net.graph);
  const std::vector<Binding> bindings = {{"batch", 5}};
  Graph batch = net.graph;
  bind_shapes(batch, bindings);
  WeightStore weights;
  BoundGraph part(net.graph);
  const auto make = [&](const Graph& bound, Division) { return make_plan(bound, Isa::avx2, weights, 2); };
  Executor executor(plan_batch(part, batch, bindings, {2, 2, 1, ""}, make), 2, {});
  const Tensor a = testing::random_tensor({5, 4, 3}, 1), b = testing::random_tensor({4, 3}, 2);
  std::memcpy(executor.inputs()[0].data, a.data(), a.bytes());
  std::memcpy(executor.inputs()[1].data, b.data(), b.bytes());
  executor.infer();
  for (std::size_t i = 0; i < 60; ++i) {
    const auto element = [&](std::size_t output) {
      return reinterpret_cast<float*>(executor.outputs()[output].data)[i];
    };
    EXPECT_EQ(element(0), a.as<float>()[i] + b.as<float>()[i % 12]);
    EXPECT_EQ(element(1), element(0));
    EXPECT_EQ(element(2), a.as<float>()[i]);
  }
}

TEST(BatchPlans, AnIndexOutsideTheTableIsAnErrorInWhateverPartItIs) {
  Net net;
  const ValueId ids = net.input("ids", {Dim("batch")}, DataType::i64);
  net.output(net.op("Gather", {net.weight(Shape{10, 4}), ids}));
  infer_shapes(net.graph);
  const std::vector<Binding> bindings = {{"batch", 5}};
  Graph batch = net.graph;
  bind_shapes(batch, bindings);
  WeightStore weights;
  BoundGraph part(net.graph);
  const auto make = [&](const Graph& bound, Division) { return make_plan(bound, Isa::avx2, weights, 2); };
  Executor executor(plan_batch(part, batch, bindings, {1, 4, 1, ""}, make), 2, {});
  auto* const data = reinterpret_cast<std::int64_t*>(executor.inputs()[0].data);
  for (int wrong = 0; wrong < 5; ++wrong) {
    for (int i = 0; i < 5; ++i) data[i] = i == wrong ? 10 : i;
    EXPECT_THROW(executor.infer(), Error);
    data[wrong] = wrong;
    EXPECT_NO_THROW(executor.infer());
  }
}

}  // namespace
}  // namespace tessera
