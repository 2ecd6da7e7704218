// Products by Strassen's algorithm: integers give the exact sums, floats stay within the error bound of the algorithm,
// and neither depends on the tier, on threads or on the batch an item is in.
#include <random>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Insists;
using testing::Net;
using testing::same_bits;
using testing::tiers_here;

/// A 1x1 convolution, with a residual if asked for.
struct StrassenLayer {
  std::int64_t batch, channels, height, width, filters, stride = 1;
  bool residual = false;
  DataType type = DataType::f32;

  [[nodiscard]] Shape x() const { return {batch, channels, height, width}; }
  [[nodiscard]] Shape w() const { return {filters, channels, 1, 1}; }
  [[nodiscard]] Shape y() const {
    return {batch, filters, (height + stride - 1) / stride, (width + stride - 1) / stride};
  }
};

/// Between -1 and 1, or any bytes.
Tensor random_tensor(std::mt19937& random, DataType type, const Shape& shape) {
  Tensor tensor(type, shape);
  std::uniform_real_distribution<float> real(-1.0F, 1.0F);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    if (type == DataType::f32)
      reinterpret_cast<float*>(tensor.mutable_data())[i] = real(random);
    else
      tensor.mutable_data()[i] = static_cast<std::byte>(random());
  }
  return tensor;
}

struct Operands {
  Tensor x, w, residual;
};
Operands random_operands(const StrassenLayer& layer) {
  std::mt19937 random(5);
  const DataType weights = layer.type == DataType::u8 ? DataType::s8 : DataType::f32;
  return {random_tensor(random, layer.type, layer.x()), random_tensor(random, weights, layer.w()),
          random_tensor(random, DataType::f32, layer.y())};
}

constexpr int strassen_zero = 7;

Net net_of(const StrassenLayer& layer, const Tensor& weights) {
  Net net;
  const auto dims = [](const Shape& shape) { return std::vector<Dim>{shape[0], shape[1], shape[2], shape[3]}; };
  const ValueId x = net.input("x", dims(layer.x()), layer.type);
  const ValueId w = net.constant(weights);
  if (layer.type == DataType::u8) {
    net.graph.value(x).quantization = Quantization{{1.0F}, {strassen_zero}, -1};
    net.graph.value(w).quantization = Quantization{{1.0F}, {0}, -1};
  }
  std::vector<ValueId> inputs = {x, w};
  if (layer.residual) inputs.insert(inputs.end(), {no_value, net.input("r", dims(layer.y()))});
  const std::vector<std::int64_t> strides = {layer.stride, layer.stride};
  net.output(net.op("FusedConv", inputs, {{"strides", strides}}));
  infer_shapes(net.graph);
  return net;
}

/// What it took: the steps of the plan that multiply, by kernel.
std::string kernels_of(const Plan& plan) {
  std::string kernels;
  for (const auto& step : plan.steps)
    if (step->info.gflop > 0) kernels += step->info.kernel;
  return kernels;
}

Tensor run(const StrassenLayer& layer, const Operands& operands, const std::string& way, Isa isa, int threads) {
  const Net net = net_of(layer, operands.w);
  Insists chooser(way);
  WeightStore weights;
  const auto plan = make_plan(net.graph, isa, weights, 1, &chooser);
  EXPECT_EQ(kernels_of(*plan).ends_with("strassen"), way == "strassen") << kernels_of(*plan);
  Executor executor(plan, threads, {});
  std::memcpy(executor.inputs()[0].data, operands.x.data(), operands.x.bytes());
  if (layer.residual) std::memcpy(executor.inputs()[1].data, operands.residual.data(), operands.residual.bytes());
  executor.infer();
  executor.infer();  // memory as the first inference left it
  Tensor y(DataType::f32, layer.y());
  std::memcpy(y.mutable_data(), executor.outputs()[0].data, y.bytes());
  return y;
}

/// The sums in double, and in integers exactly: calls check(index of y, sum).
template <class Element, class Weight, class Check>
void for_sums(const StrassenLayer& layer, const Operands& operands, int zero, Check check) {
  const auto* const x = reinterpret_cast<const Element*>(operands.x.data());
  const auto* const w = reinterpret_cast<const Weight*>(operands.w.data());
  const Shape y = layer.y();
  for (std::int64_t i = 0; i < y.elements(); ++i) {
    const std::int64_t column = i % y[3], row = i / y[3] % y[2], n = i / (y[2] * y[3]) % y[1],
                       b = i / (y[1] * y[2] * y[3]);
    double sum = layer.residual ? static_cast<double>(operands.residual.as<float>()[static_cast<std::size_t>(i)]) : 0.0;
    for (std::int64_t c = 0; c < layer.channels; ++c) {
      const std::int64_t at =
          ((b * layer.channels + c) * layer.height + row * layer.stride) * layer.width + column * layer.stride;
      sum += (static_cast<double>(x[at]) - zero) * static_cast<double>(w[n * layer.channels + c]);
    }
    check(static_cast<std::size_t>(i), sum);
  }
}

/// Of an error that a product of halves of h columns may have, with operands of magnitude 1: Higham, "Accuracy and
/// Stability of Numerical Algorithms", 2nd ed., (23.15) for one level, and a rounding for each slice and the residual.
double bound(std::int64_t k) {
  const std::int64_t slices = (k + 767) / 768, h = k / slices / 2;
  const auto half = static_cast<double>(h), pieces = static_cast<double>(slices);
  return (pieces * 18 * (half * half + 6 * half) + (pieces + 1) * static_cast<double>(k)) * 0x1p-24;
}

/// Floats, close to the sums and the same everywhere.
void expect_close(const StrassenLayer& layer) {
  const Operands operands = random_operands(layer);
  const Tensor expected = run(layer, operands, "strassen", Isa::avx2, 1);
  const auto y = expected.as<float>();
  for_sums<float, float>(layer, operands, 0, [&](std::size_t i, double sum) {
    ASSERT_NEAR(static_cast<double>(y[i]), sum, bound(layer.channels)) << i;
  });
  for (const Isa isa : tiers_here())
    for (const int threads : {1, 2, 5})
      EXPECT_TRUE(same_bits(run(layer, operands, "strassen", isa, threads), expected)) << name_of(isa) << threads;
}

/// Integers, the sums themselves: on tiers that multiply words, which are those without dot products.
void expect_exact(StrassenLayer layer) {
  layer.type = DataType::u8;
  const Operands operands = random_operands(layer);
  Tensor expected(DataType::f32, layer.y());
  auto* const y = reinterpret_cast<float*>(expected.mutable_data());
  for_sums<std::uint8_t, std::int8_t>(layer, operands, strassen_zero,
                                      [&](std::size_t i, double sum) { y[i] = static_cast<float>(sum); });
  int tiers = 0;
  for (const Isa isa : {Isa::avx2, Isa::avx512_core}) {
    if (why_unavailable(cpu_features(), isa)) continue;
    ++tiers;
    for (const int threads : {1, 2, 5})
      EXPECT_TRUE(same_bits(run(layer, operands, "strassen", isa, threads), expected)) << name_of(isa) << threads;
  }
  EXPECT_GT(tiers, 0);
}

TEST(Strassen, OneSlice) {
  const StrassenLayer layer{1, 64, 4, 6, 64};
  expect_close(layer);
  expect_exact(layer);
}

TEST(Strassen, SlicesOfK) {
  expect_close({1, 1024, 4, 4, 64});
  expect_close({1, 2304, 3, 4, 64});
  expect_exact({1, 1024, 5, 6, 64});
}

TEST(Strassen, PixelsThatHaveNoSecondOne) {
  for (const bool residual : {false, true}) {
    expect_close({3, 128, 7, 7, 192, 1, residual});
    expect_exact({3, 128, 7, 7, 192, 1, false});
  }
}

TEST(Strassen, MoreRowsThanOneBlockTakes) {
  expect_close({1, 64, 29, 31, 128, 1, true});
  expect_exact({1, 64, 29, 31, 128});
}

TEST(Strassen, Strides) {
  expect_close({2, 64, 9, 10, 64, 2});
  expect_exact({2, 64, 9, 10, 64, 2});
}

TEST(Strassen, AnItemDoesNotDependOnItsBatch) {
  const StrassenLayer batch{3, 256, 5, 5, 64, 1, true};
  const Operands operands = random_operands(batch);
  const Tensor together = run(batch, operands, "strassen", Isa::avx2, 2);
  StrassenLayer item = batch;
  item.batch = 1;
  for (std::int64_t i = 0; i < batch.batch; ++i) {
    const auto slice = [&](const Tensor& whole, const Shape& shape) {
      Tensor part(DataType::f32, shape);
      std::memcpy(part.mutable_data(), whole.data() + static_cast<std::size_t>(i) * part.bytes(), part.bytes());
      return part;
    };
    const Operands of_item = {slice(operands.x, item.x()), operands.w, slice(operands.residual, item.y())};
    EXPECT_TRUE(same_bits(run(item, of_item, "strassen", Isa::avx2, 1), slice(together, item.y()))) << i;
  }
}

/// What cannot be cut into quarters of whole panels is not offered the choice, nor single rows.
TEST(Strassen, IsNotForEveryShape) {
  for (const StrassenLayer& layer : {StrassenLayer{1, 96, 14, 14, 64}, StrassenLayer{1, 128, 14, 14, 96},
                                     StrassenLayer{1, 32, 14, 14, 64}, StrassenLayer{64, 128, 1, 1, 64}}) {
    const Operands operands = random_operands(layer);
    const Net net = net_of(layer, operands.w);
    Insists chooser("strassen");
    WeightStore weights;
    const auto plan = make_plan(net.graph, Isa::avx2, weights, 1, &chooser);
    EXPECT_EQ(kernels_of(*plan).find("strassen"), std::string::npos) << layer.channels;
  }
}

/// A linear layer of a text model: rows are those of a sequence, and the plan takes the algorithm by itself; a matrix
/// of two dimensions may be a batch of rows, which must not meet.
TEST(Strassen, LinearLayersBySequence) {
  std::mt19937 random(9);
  const Tensor w = random_tensor(random, DataType::f32, {512, 512});
  const auto kernels = [&](std::vector<Dim> shape) {
    Net net;
    net.output(net.op("FusedMatMul", {net.input("x", std::move(shape)), net.constant(w)}));
    infer_shapes(net.graph);
    WeightStore weights;
    return kernels_of(*make_plan(net.graph, Isa::avx2, weights));
  };
  EXPECT_TRUE(kernels({2, 128, 512}).ends_with("strassen"));
  EXPECT_FALSE(kernels({2, 16, 512}).ends_with("strassen"));
  EXPECT_FALSE(kernels({256, 512}).ends_with("strassen"));
}

}  // namespace
}  // namespace tessera
