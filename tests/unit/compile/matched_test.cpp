// Products by lists of matched groups in whole layers: exact, whatever the form of the layer, the number of threads and
// the batch; and taken where weights are too large for the kernel of bytes.
#include <random>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Insists;
using testing::Net;
using testing::same_bits;

const std::string matched = "avx2-u8s8-matched";
constexpr int matched_zero = 7;

/// An op of x and constant weights, scales 1, on integers for the plan and on the reals they stand for, for the
/// reference. Sums stay below 2^24, where floats are exact.
struct MatchedLayer {
  std::string op;
  Shape x, w;
  Attributes attributes;
  int most_weight = 127;
  bool residual = false;
};

class Product {
 public:
  explicit Product(const MatchedLayer& layer) : bytes_(DataType::u8, layer.x), reals_(DataType::f32, layer.x) {
    std::mt19937 random(3);
    Tensor weights(DataType::s8, layer.w), real_weights(DataType::f32, layer.w);
    fill(random, 255, matched_zero, bytes_, reals_);
    fill(random, 2 * layer.most_weight, layer.most_weight, weights, real_weights);
    for (std::size_t i = 0; i < weights.bytes(); ++i)
      weights.mutable_data()[i] =
          static_cast<std::byte>(static_cast<std::uint8_t>(weights.data()[i]) - layer.most_weight);
    const ValueId ix = integer_.input("x", dims(layer.x), DataType::u8), iw = integer_.constant(weights);
    integer_.graph.value(ix).quantization = Quantization{{1.0F}, {matched_zero}, -1};
    integer_.graph.value(iw).quantization = Quantization{{1.0F}, {0}, -1};
    finish(layer, integer_, ix, iw);
    const ValueId rx = real_.input("x", dims(layer.x));
    finish(layer, real_, rx, real_.constant(real_weights));
  }

  /// The kernels of avx2 when each number of threads gave the bits of the reference.
  [[nodiscard]] std::string kernels_when_exact() const {
    std::vector<Tensor> inputs = {bytes_}, real_inputs = {reals_};
    if (integer_.graph.inputs.size() > 1) {
      inputs.push_back(residual_);
      real_inputs.push_back(residual_);
    }
    const Tensor expected = evaluate(real_.graph, real_inputs)[0];
    WeightStore weights;
    Insists chooser(matched);
    const auto plan = make_plan(integer_.graph, Isa::avx2, weights, 2, &chooser);
    for (const int threads : {1, 2, 3, 5}) {
      Executor executor(plan, threads, {});
      for (std::size_t i = 0; i < inputs.size(); ++i)
        std::memcpy(executor.inputs()[i].data, inputs[i].data(), inputs[i].bytes());
      executor.infer();
      executor.infer();  // memory as the first inference left it
      Tensor y(DataType::f32, expected.shape());
      std::memcpy(y.mutable_data(), executor.outputs()[0].data, y.bytes());
      EXPECT_TRUE(same_bits(y, expected)) << threads << " threads";
    }
    std::string kernels;
    for (const auto& step : plan->steps)
      if (step->info.gflop > 0) kernels += step->info.kernel;
    return kernels;
  }

  [[nodiscard]] const Graph& graph() const { return integer_.graph; }

 private:
  static std::vector<Dim> dims(const Shape& shape) {
    const std::vector<std::int64_t> extents(shape.begin(), shape.end());
    return {extents.begin(), extents.end()};
  }

  static void fill(std::mt19937& random, int most, int zero, Tensor& integers, Tensor& reals) {
    for (std::size_t i = 0; i < integers.bytes(); ++i) {
      const auto q = static_cast<int>(random() % static_cast<unsigned>(most + 1));
      integers.mutable_data()[i] = static_cast<std::byte>(q);
      reinterpret_cast<float*>(reals.mutable_data())[i] = static_cast<float>(q - zero);
    }
  }

  void finish(const MatchedLayer& layer, Net& net, ValueId x, ValueId w) {
    std::vector<ValueId> inputs = {x, w};
    if (layer.residual) {
      const Shape y = {layer.x[0], layer.w[0], layer.x[2], layer.x[3]};
      residual_ = Tensor(DataType::f32, y);
      for (std::int64_t i = 0; i < y.elements(); ++i)
        reinterpret_cast<float*>(residual_.mutable_data())[i] = static_cast<float>(i % 91 - 40);
      inputs.insert(inputs.end(), {no_value, net.input("r", dims(y))});
    }
    net.output(net.op(layer.op, inputs, layer.attributes));
    infer_shapes(net.graph);
  }

  Net integer_, real_;
  Tensor bytes_, reals_, residual_;
};

void expect_exact(const MatchedLayer& layer) {
  EXPECT_EQ(Product(layer).kernels_when_exact(), matched) << layer.x.elements() << " " << layer.w.elements();
}

using Ints = std::vector<std::int64_t>;

TEST(MatchedProducts, PointwiseConvolutions) {
  expect_exact({"FusedConv", {1, 64, 9, 7}, {80, 64, 1, 1}, {}});
  expect_exact({"FusedConv", {1, 70, 6, 5}, {19, 70, 1, 1}, {}});
  expect_exact({"FusedConv", {2, 96, 11, 10}, {48, 96, 1, 1}, {{"strides", Ints{2, 2}}}});
}

TEST(MatchedProducts, SeveralBlocksOfK) {
  expect_exact({"FusedConv", {1, 516, 6, 6}, {32, 516, 1, 1}, {}, 90});
  expect_exact({"FusedMatMul", {1, 30, 1200}, {1200, 50}, {}, 90});
}

TEST(MatchedProducts, MoreRowsThanOneBlockTakes) {
  expect_exact({"FusedConv", {1, 32, 29, 31}, {40, 32, 1, 1}, {}});
  expect_exact({"FusedConv", {3, 16, 17, 9}, {17, 16, 1, 1}, {}});
}

TEST(MatchedProducts, Windows) {
  const Attributes strided{{"strides", Ints{2, 2}}, {"pads", Ints{3, 3, 3, 3}}};
  expect_exact({"FusedConv", {1, 3, 25, 23}, {24, 3, 7, 7}, strided});
  expect_exact({"FusedConv", {2, 20, 9, 8}, {24, 20, 3, 3}, {{"pads", Ints{1, 1, 1, 1}}}});
  expect_exact({"FusedConv", {1, 12, 15, 13}, {16, 12, 3, 3}, {{"dilations", Ints{2, 2}}}});
}

TEST(MatchedProducts, LinearLayersInBothOrders) {
  expect_exact({"FusedMatMul", {1, 40, 400}, {400, 50}, {}});
  expect_exact({"FusedMatMul", {2, 40, 100}, {33, 100}, {{"transB", std::int64_t{1}}}});
}

TEST(MatchedProducts, Residuals) {
  expect_exact({"FusedConv", {2, 64, 7, 7}, {48, 64, 1, 1}, {}, 127, true});
}

TEST(MatchedProducts, WeightsOfOneKind) {
  expect_exact({"FusedConv", {1, 64, 7, 7}, {32, 64, 1, 1}, {}, 0});
  expect_exact({"FusedConv", {1, 64, 7, 7}, {32, 64, 1, 1}, {}, 30});
}

/// What is computed in groups, or by dot products, is not offered the choice, nor are few rows.
TEST(MatchedProducts, AreNotForEveryLayer) {
  const auto kernels = [](const MatchedLayer& layer, Isa isa) {
    WeightStore weights;
    Insists chooser(matched);
    const Product product(layer);
    std::string names;
    const auto plan = make_plan(product.graph(), isa, weights, 1, &chooser);
    for (const auto& step : plan->steps)
      if (step->info.gflop > 0) names += step->info.kernel;
    return names;
  };
  const MatchedLayer layer{"FusedConv", {1, 64, 9, 7}, {80, 64, 1, 1}, {}};
  EXPECT_EQ(kernels(layer, Isa::avx2), matched);
  EXPECT_EQ(kernels(layer, Isa::avx2_vnni), "avx2_vnni-u8s8-6x16");
  EXPECT_EQ(kernels(layer, Isa::avx512_core), "avx512_core-s16-14x32");
  EXPECT_EQ(kernels({"FusedConv", {1, 64, 9, 7}, {80, 32, 1, 1}, {{"group", std::int64_t{2}}}}, Isa::avx2),
            "avx2-s16-6x16");
  EXPECT_EQ(kernels({"FusedMatMul", {1, 3, 400}, {400, 50}, {}}, Isa::avx2), "avx2-u8s8-6x16");
}

}  // namespace
}  // namespace tessera
