// Rows that tiles read lie an odd number of cache lines apart: where, and that nobody notices.
#include "compile/layout/row_gaps.hpp"

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tiers_here;

const Attributes to_float{{"to", std::int64_t{1}}};

ValueId bytes(Net& net, const Shape& shape) {
  Tensor weights(DataType::s8, shape);
  for (std::size_t i = 0; i < weights.bytes(); ++i)
    weights.mutable_data()[i] = static_cast<std::byte>(static_cast<int>(i * 7919 % 21) - 10);
  const ValueId id = net.constant(weights);
  net.graph.value(id).quantization = Quantization{{0.01F}, {0}, -1};
  return id;
}

void hold_bytes(Net& net, ValueId id, float scale) {
  net.graph.value(id).type = DataType::u8;
  net.graph.value(id).quantization = Quantization{{scale}, {100}, -1};
}

ValueId quantized(Net& net, ValueId x) {
  Tensor zero(DataType::u8, Shape{});
  *zero.mutable_data() = std::byte{100};
  return net.op("QuantizeLinear", {x, net.number(0.01F), net.constant(zero)});
}

/// Two linear layers; the bytes between them also go to a Cast, which plain code does.
struct Layers {
  Net net;
  ValueId x, q, y, z;

  Layers() {
    x = net.input("x", {2, 20, 128});
    q = quantized(net, x);
    y = net.op("FusedMatMul", {q, bytes(net, {128, 256}), net.weight({256})}, {{"activation", std::string("gelu")}});
    z = net.op("FusedMatMul", {y, bytes(net, {256, 256}), net.weight({256}), y});
    net.output(z);
    net.output(net.op("Cast", {y}, to_float));
    hold_bytes(net, q, 0.01F);
    hold_bytes(net, y, 0.05F);
    infer_shapes(net.graph);
  }
};

/// Convolutions and a pool around an image of 512 channels.
struct Images {
  Net net;
  ValueId x, q, y;

  Images() {
    const Attributes padded{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
    x = net.input("x", {2, 8, 5, 6});
    q = quantized(net, x);
    y = net.op("FusedConv", {q, bytes(net, {512, 8, 1, 1}), net.weight({512})}, {{"activation", std::string("relu")}});
    net.output(net.op("FusedConv", {y, bytes(net, {40, 512, 3, 3}), net.weight({40})}, padded));
    const ValueId same = net.op("FusedConv", {y, bytes(net, {512, 512, 1, 1}), net.weight({512}), y});
    net.output(net.op("GlobalAveragePool", {same}));
    hold_bytes(net, q, 0.01F);
    hold_bytes(net, y, 0.05F);
    infer_shapes(net.graph);
  }
};

std::int64_t of(const std::vector<std::int64_t>& gaps, ValueId id) {
  return gaps[static_cast<std::size_t>(id)];
}

TEST(RowGaps, MakeAnOddNumberOfCacheLines) {
  for (const std::int64_t dense : {0, 32, 64, 100, 192, 832}) EXPECT_EQ(gap_behind(dense), 0) << dense;
  for (const std::int64_t even : {128, 256, 768, 3072, 4096}) EXPECT_EQ(gap_behind(even), 64) << even;
}

TEST(RowGaps, AreWhereTilesReadAndEverybodyGoesByRows) {
  Layers layers;
  const RowGaps gaps = row_gaps(layers.net.graph, Isa::avx512_core_amx);
  EXPECT_EQ(of(gaps.rows, layers.q), 64);
  EXPECT_EQ(of(gaps.rows, layers.y), 64);
  EXPECT_EQ(of(gaps.rows, layers.x), 0) << "f32, and a port";
  EXPECT_EQ(of(gaps.rows, layers.z), 0) << "a port";
  const RowGaps without_tiles = row_gaps(layers.net.graph, Isa::avx512_core_bf16);
  EXPECT_EQ(of(without_tiles.rows, layers.y), 0);

  layers.net.output(layers.net.op("Identity", {layers.y}));
  infer_shapes(layers.net.graph);
  EXPECT_EQ(of(row_gaps(layers.net.graph, Isa::avx512_core_amx).rows, layers.y), 0) << "which Identity reads dense";
}

TEST(RowGaps, AreBetweenLargePixels) {
  Images images;
  const RowGaps gaps = row_gaps(images.net.graph, Isa::avx512_core_amx);
  EXPECT_EQ(of(gaps.pixels, images.y), 64);
  EXPECT_EQ(of(gaps.pixels, images.q), 0);
}

void expect_the_same_on_every_tier(const Graph& graph, const Tensor& x) {
  WeightStore weights;
  const std::vector<Tensor> expected = run_plan(graph, {x}, Isa::avx2, 1, weights);
  for (const Isa isa : tiers_here()) {
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = run_plan(graph, {x}, isa, threads, weights);
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_TRUE(same_bits(actual[i], expected[i])) << name_of(isa) << ", output " << i;
    }
  }
}

TEST(Plan, GapsBetweenRowsChangeNoBit) {
  expect_the_same_on_every_tier(Layers().net.graph, random_tensor({2, 20, 128}, 1));
}

TEST(Plan, GapsBetweenPixelsChangeNoBit) {
  expect_the_same_on_every_tier(Images().net.graph, random_tensor({2, 8, 5, 6}, 2));
}

}  // namespace
}  // namespace tessera
