// Rows that products read are spread over the sets of the caches: where, and that nobody notices.
#include "compile/layout/row_gaps.hpp"

#include <string>
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::tiers_here;

const Attributes to_float{{"to", std::int64_t{1}}};

/// Weights that depend on their place alone; those that multiply input `used` or a later one are 0.
ValueId bytes(Net& net, const Shape& shape, std::size_t input_axis, std::int64_t used) {
  Tensor weights(DataType::s8, shape);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    std::int64_t rest = i, mixed = 1, input = 0;
    for (std::size_t axis = shape.rank(); axis-- > 0; rest /= shape[axis]) {
      mixed = (mixed * 31 + rest % shape[axis]) % 7919;
      if (axis == input_axis) input = rest % shape[axis];
    }
    weights.mutable_data()[i] = static_cast<std::byte>(input < used ? mixed % 21 - 10 : 0);
  }
  const ValueId id = net.constant(weights);
  net.graph.value(id).quantization = Quantization{{0.01F}, {0}, -1};
  return id;
}

ValueId biases(Net& net, std::int64_t count) {
  std::vector<float> numbers;
  for (std::int64_t i = 0; i < count; ++i) numbers.push_back(static_cast<float>(i % 13 - 6) / 8);
  return net.constant(testing::tensor_of<float>(Shape{count}, numbers));
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

/// Few features by few, which are added; many by few.
template <typename Weights>
ValueId multiplied_again(Net& net, const std::string& op, ValueId x, std::int64_t features, const Weights& weights) {
  if (features < 1024) return net.op(op, {x, weights(features), biases(net, features), x});
  return net.op(op, {x, weights(64), biases(net, 64)});
}

/// Two linear layers; the bytes between them also go to a Cast, which plain code does. Of the `width` features between
/// them the first `used` count.
struct Layers {
  Net net;
  ValueId x, q, y, z;

  explicit Layers(std::int64_t width = 256, std::int64_t used = 256) {
    x = net.input("x", {2, 20, 128});
    q = quantized(net, x);
    y = net.op("FusedMatMul", {q, bytes(net, {128, width}, 0, 128), biases(net, width)},
               {{"activation", std::string("gelu")}});
    z = multiplied_again(net, "FusedMatMul", y, width, [&](std::int64_t out) {
      return bytes(net, {width, out}, 0, used);
    });
    net.output(z);
    net.output(net.op("Cast", {y}, to_float));
    hold_bytes(net, q, 0.01F);
    hold_bytes(net, y, 0.05F);
    infer_shapes(net.graph);
  }
};

/// Convolutions and a pool around an image of many channels, of which the first `used` count.
struct Images {
  Net net;
  ValueId x, q, y;

  explicit Images(std::int64_t channels = 512, std::int64_t used = 512) {
    const Attributes padded{{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}};
    x = net.input("x", {2, 8, 5, 6});
    q = quantized(net, x);
    const auto weights = [&](std::int64_t out, std::int64_t in, std::int64_t side) {
      return bytes(net, {out, in, side, side}, 1, used);
    };
    y = net.op("FusedConv", {q, weights(channels, 8, 1), biases(net, channels)}, {{"activation", std::string("relu")}});
    net.output(net.op("FusedConv", {y, weights(40, channels, 3), biases(net, 40)}, padded));
    const ValueId again =
        multiplied_again(net, "FusedConv", y, channels, [&](std::int64_t out) { return weights(out, channels, 1); });
    net.output(net.op("GlobalAveragePool", {again}));
    hold_bytes(net, q, 0.01F);
    hold_bytes(net, y, 0.05F);
    infer_shapes(net.graph);
  }
};

std::int64_t of(const std::vector<std::int64_t>& gaps, ValueId id) {
  return gaps[static_cast<std::size_t>(id)];
}

TEST(RowGaps, SpreadRowsOverTheSetsOfTheCaches) {
  for (const std::int64_t odd : {0, 32, 64, 100, 192, 832}) EXPECT_EQ(gap_behind(odd, Isa::avx512_core_amx), 0) << odd;
  for (const std::int64_t even : {128, 256, 768, 3072, 4096})
    EXPECT_EQ(gap_behind(even, Isa::avx512_core_amx), 64) << even;
  for (const Isa isa : {Isa::avx2, Isa::avx512_core_bf16}) {
    for (const std::int64_t spread : {0, 128, 768, 2048, 3072, 6144}) EXPECT_EQ(gap_behind(spread, isa), 0) << spread;
    for (const std::int64_t stacked : {4096, 8192, 12288}) EXPECT_EQ(gap_behind(stacked, isa), 64) << stacked;
  }
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

TEST(RowGaps, AreBetweenRowsOf4096BytesWithoutTiles) {
  Layers layers(4096);
  EXPECT_EQ(of(row_gaps(layers.net.graph, Isa::avx2).rows, layers.y), 64);
  Images images(4096);
  EXPECT_EQ(of(row_gaps(images.net.graph, Isa::avx2).pixels, images.y), 64);
}

/// The first elements of each row of the last axis, or of each channel's one pixel.
std::vector<float> leading(const Tensor& tensor, std::int64_t used) {
  const Shape& shape = tensor.shape();
  const std::int64_t row = shape.back() == 1 ? shape[1] : shape.back();
  std::vector<float> kept;
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    if (i % row < used) kept.push_back(tensor.as<float>()[static_cast<std::size_t>(i)]);
  return kept;
}

/// Outputs of `graph` on every tier, with any number of threads: the bits of `other`, whose rows are a little longer
/// and so without gaps.
void expect_same(const Graph& graph, const Graph& other, const Tensor& x, std::int64_t used) {
  WeightStore weights;
  const std::vector<Tensor> expected = run_plan(other, {x}, Isa::avx2, 1, weights);
  for (const Isa isa : tiers_here()) {
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = run_plan(graph, {x}, isa, threads, weights);
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_EQ(leading(actual[i], used), leading(expected[i], used)) << name_of(isa) << ", output " << i;
    }
  }
}

TEST(Plan, GapsBetweenRowsChangeNoBit) {
  for (const std::int64_t used : {256, 4096})
    expect_same(Layers(used, used).net.graph, Layers(used + 32, used).net.graph, random_tensor({2, 20, 128}, 1), used);
}

TEST(Plan, GapsBetweenPixelsChangeNoBit) {
  for (const std::int64_t used : {512, 4096})
    expect_same(Images(used, used).net.graph, Images(used + 32, used).net.graph, random_tensor({2, 8, 5, 6}, 2), used);
}

}  // namespace
}  // namespace tessera
