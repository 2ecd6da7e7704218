// Planned graphs against the plain evaluation of the same graph, on every tier and with several thread counts.
#include <algorithm>
#include <cmath>
#include <random>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tiers_here;

/// f32 sums of `terms` products of magnitudes up to `product`, in two orders.
double tolerance(std::int64_t terms, double product) {
  return 2 * static_cast<double>(terms) * testing::epsilon * static_cast<double>(terms) * product;
}

void expect_near(const Tensor& actual, const Tensor& expected, double bound) {
  ASSERT_EQ(actual.shape(), expected.shape());
  const auto a = actual.as<float>(), b = expected.as<float>();
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], bound) << "element " << i;
}

/// Runs on every tier and 1, 2, 3 and 5 threads: all f32 results equal bit for bit, and near the reference.
void check_everywhere(Graph graph, const std::vector<Tensor>& inputs, double bound) {
  infer_shapes(graph);
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  std::vector<Tensor> first;
  for (const Isa isa : tiers_here()) {
    WeightStore weights;
    for (const int threads : {1, 2, 3, 5}) {
      SCOPED_TRACE(std::string(name_of(isa)) + ", " + std::to_string(threads) + " threads");
      const std::vector<Tensor> outputs = run_plan(graph, inputs, isa, threads, weights);
      ASSERT_EQ(outputs.size(), expected.size());
      for (std::size_t i = 0; i < outputs.size(); ++i) expect_near(outputs[i], expected[i], bound);
      if (first.empty()) first = outputs;
      for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_TRUE(same_bits(outputs[i], first[i]));
    }
  }
}

struct ConvCase {
  const char* name;
  std::int64_t batch, channels, height, width, filters, kernel_h, kernel_w, group;
  std::vector<std::int64_t> strides, pads, dilations;
};

class PlannedConv : public ::testing::TestWithParam<ConvCase> {};

TEST_P(PlannedConv, AgreesWithTheReferenceOnEveryTier) {
  const ConvCase& c = GetParam();
  Net net;
  const ValueId x = net.input("x", {c.batch, c.channels, c.height, c.width});
  const ValueId w = net.weight(Shape{c.filters, c.channels / c.group, c.kernel_h, c.kernel_w});
  const ValueId b = net.weight(Shape{c.filters});
  net.output(net.op("FusedConv", {x, w, b},
                    {{"group", c.group},
                     {"strides", c.strides},
                     {"pads", c.pads},
                     {"dilations", c.dilations},
                     {"activation", std::string("relu")}}));
  const std::int64_t terms = c.channels / c.group * c.kernel_h * c.kernel_w + 1;
  check_everywhere(net.graph, {random_tensor(Shape{c.batch, c.channels, c.height, c.width}, 1)}, tolerance(terms, 0.5));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlannedConv,
    ::testing::Values(ConvCase{"pointwise", 2, 16, 9, 7, 40, 1, 1, 1, {1, 1}, {0, 0, 0, 0}, {1, 1}},
                      ConvCase{"pointwise_stride2", 1, 20, 9, 7, 33, 1, 1, 1, {2, 2}, {0, 0, 0, 0}, {1, 1}},
                      ConvCase{"three", 2, 17, 8, 9, 35, 3, 3, 1, {1, 1}, {1, 1, 1, 1}, {1, 1}},
                      ConvCase{"three_stride2", 1, 24, 15, 14, 16, 3, 3, 1, {2, 2}, {1, 1, 1, 1}, {1, 1}},
                      ConvCase{"stem", 1, 3, 37, 41, 64, 7, 7, 1, {2, 2}, {3, 3, 3, 3}, {1, 1}},
                      ConvCase{"long_k", 1, 300, 7, 7, 64, 3, 3, 1, {1, 1}, {1, 1, 1, 1}, {1, 1}},
                      ConvCase{"asymmetric", 1, 5, 10, 11, 19, 2, 4, 1, {1, 2}, {0, 3, 2, 1}, {1, 1}},
                      ConvCase{"dilated", 1, 6, 13, 12, 18, 3, 3, 1, {1, 1}, {2, 2, 2, 2}, {2, 2}},
                      ConvCase{"grouped", 2, 12, 8, 8, 30, 3, 3, 3, {1, 1}, {1, 1, 1, 1}, {1, 1}},
                      ConvCase{"depthwise", 1, 21, 9, 9, 21, 3, 3, 21, {2, 1}, {1, 1, 1, 1}, {1, 1}}),
    [](const auto& instance) { return std::string(instance.param.name); });

/// 3x3 convolutions large enough for Winograd: borders that tiles cross, unequal padding, residual, several images.
struct WinogradCase {
  const char* name;
  std::int64_t batch, channels, height, width, filters;
  std::vector<std::int64_t> pads;
  bool relu, residual;
  std::int64_t stride = 1;

  [[nodiscard]] Attributes attributes() const {
    return {{"pads", pads}, {"strides", std::vector<std::int64_t>(2, stride)}};
  }
};

class PlannedWinograd : public ::testing::TestWithParam<WinogradCase> {};

TEST_P(PlannedWinograd, AgreesWithTheReferenceOnEveryTier) {
  const WinogradCase& c = GetParam();
  const std::int64_t out_h = (c.height + c.pads[0] + c.pads[2] - 3) / c.stride + 1;
  const std::int64_t out_w = (c.width + c.pads[1] + c.pads[3] - 3) / c.stride + 1;
  Net net;
  const ValueId x = net.input("x", {c.batch, c.channels, c.height, c.width});
  std::vector<ValueId> operands = {x, net.weight(Shape{c.filters, c.channels, 3, 3}), net.weight(Shape{c.filters})};
  std::vector<Tensor> inputs = {random_tensor(Shape{c.batch, c.channels, c.height, c.width}, 1)};
  if (c.residual) {
    operands.push_back(net.input("r", {c.batch, c.filters, out_h, out_w}));
    inputs.push_back(random_tensor(Shape{c.batch, c.filters, out_h, out_w}, 2));
  }
  Attributes attributes = c.attributes();
  attributes["activation"] = std::string(c.relu ? "relu" : "none");
  net.output(net.op("FusedConv", operands, attributes));
  infer_shapes(net.graph);
  WeightStore weights;
  const auto plan = make_plan(net.graph, Isa::avx2, weights);
  EXPECT_EQ(std::count_if(plan->steps.begin(), plan->steps.end(),
                          [](const auto& step) { return step->info.kernel.find("winograd") != std::string::npos; }),
            1);
  // The transforms can enlarge a rounding by the product of the squared norms of the three matrices, 70 * 29 * 1.8.
  check_everywhere(net.graph, inputs, tolerance(c.channels + 20, 0.5) * 3700);
  const Tensor expected = evaluate(net.graph, inputs)[0],
               actual = run_plan(net.graph, inputs, Isa::avx2, 1, weights)[0];
  double error = 0, power = 0;
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i) {
    error += std::pow(static_cast<double>(actual.as<float>()[i] - expected.as<float>()[i]), 2);
    power += std::pow(static_cast<double>(expected.as<float>()[i]), 2);
  }
  EXPECT_LT(std::sqrt(error / power), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, PlannedWinograd,
    ::testing::Values(WinogradCase{"whole_tiles", 1, 16, 12, 16, 32, {1, 1, 1, 1}, true, false},
                      WinogradCase{"cut_tiles", 2, 32, 14, 13, 48, {1, 1, 1, 1}, true, true},
                      WinogradCase{"no_padding", 1, 16, 17, 15, 16, {0, 0, 0, 0}, false, true},
                      WinogradCase{"unequal_padding", 1, 16, 11, 12, 16, {0, 2, 1, 0}, false, false},
                      WinogradCase{"many_channels", 1, 272, 12, 12, 80, {1, 1, 1, 1}, true, false},
                      WinogradCase{"many_tiles", 3, 16, 30, 31, 16, {1, 1, 1, 1}, true, true},
                      WinogradCase{"stride_2", 2, 32, 28, 25, 48, {1, 1, 1, 1}, true, true, 2},
                      WinogradCase{"stride_2_no_padding", 1, 16, 21, 23, 16, {0, 0, 0, 0}, false, false, 2},
                      WinogradCase{"stride_2_unequal_padding", 1, 272, 20, 19, 32, {0, 2, 1, 0}, true, false, 2}),
    [](const auto& instance) { return std::string(instance.param.name); });

/// With scales of one, float arithmetic on integers below 2^24 is exact: the int8 plan must give the same numbers on
/// every tier, whether it multiplies directly or transforms.
TEST_P(PlannedWinograd, Int8IsExact) {
  const WinogradCase& c = GetParam();
  if (c.channels > 32) return;  // sums beyond 2^24 are not exact in float
  constexpr int zero_point = 7;
  const Shape pixels_shape{c.batch, c.channels, c.height, c.width}, taps_shape{c.filters, c.channels, 3, 3};
  std::mt19937 random(5);
  Tensor pixels(DataType::u8, pixels_shape), taps(DataType::s8, taps_shape);
  Tensor real_pixels(DataType::f32, pixels_shape), real_taps(DataType::f32, taps_shape);
  for (std::size_t i = 0; i < pixels.bytes(); ++i) {
    const auto q = static_cast<std::uint8_t>(random() % 256);
    pixels.mutable_data()[i] = std::byte{q};
    reinterpret_cast<float*>(real_pixels.mutable_data())[i] = static_cast<float>(q - zero_point);
  }
  for (std::size_t i = 0; i < taps.bytes(); ++i) {
    const int q = static_cast<int>(random() % 255) - 127;
    reinterpret_cast<std::int8_t*>(taps.mutable_data())[i] = static_cast<std::int8_t>(q);
    reinterpret_cast<float*>(real_taps.mutable_data())[i] = static_cast<float>(q);
  }
  const Attributes attributes = c.attributes();
  Net real, integer;
  real.output(real.op(
      "FusedConv", {real.input("x", {c.batch, c.channels, c.height, c.width}), real.constant(real_taps)}, attributes));
  infer_shapes(real.graph);
  const Tensor expected = evaluate(real.graph, std::vector{real_pixels})[0];

  const ValueId x = integer.input("x", {c.batch, c.channels, c.height, c.width}, DataType::u8);
  integer.graph.value(x).quantization = Quantization{{1.0F}, {zero_point}, -1};
  const ValueId w = integer.constant(taps);
  const auto filters = static_cast<std::size_t>(c.filters);
  integer.graph.value(w).quantization =
      Quantization{std::vector<float>(filters, 1.0F), std::vector<std::int32_t>(filters, 0), 0};
  integer.output(integer.op("FusedConv", {x, w}, attributes));
  infer_shapes(integer.graph);
  for (const Isa isa : tiers_here()) {
    WeightStore weights;
    for (const int threads : {1, 3})
      EXPECT_TRUE(same_bits(run_plan(integer.graph, {pixels}, isa, threads, weights)[0], expected)) << name_of(isa);
  }
}

/// conv -> (conv with halo, residual of the same value) -> pool: one value read with a border, without one, and by a
/// pool.
TEST(Plan, ResidualBlockWithSharedHalo) {
  Net net;
  const ValueId x = net.input("x", {2, 8, 12, 10});
  const Attributes padded = {{"pads", ints({1, 1, 1, 1})}, {"activation", std::string("relu")}};
  const ValueId a = net.op("FusedConv", {x, net.weight(Shape{16, 8, 3, 3}), net.weight(Shape{16})}, padded);
  const ValueId b = net.op("FusedConv", {a, net.weight(Shape{16, 16, 3, 3}), net.weight(Shape{16})}, padded);
  const ValueId c = net.op("FusedConv", {b, net.weight(Shape{16, 16, 1, 1}), net.weight(Shape{16}), a},
                           {{"activation", std::string("relu")}});
  const ValueId pooled =
      net.op("MaxPool", {c}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}, {"pads", ints({1, 1, 1, 1})}});
  const ValueId mean = net.op("GlobalAveragePool", {pooled});
  net.output(net.op("FusedMatMul", {net.op("Flatten", {mean}), net.weight(Shape{16, 7}), net.weight(Shape{7})}));
  check_everywhere(net.graph, {random_tensor(Shape{2, 8, 12, 10}, 3)}, tolerance(16 * 9, 40));
}

TEST(Plan, LinearLayersInEveryForm) {
  for (const bool transposed : {false, true})
    for (const std::int64_t rows : {1, 5, 50}) {
      Net net;
      const ValueId x = net.input("x", {2, rows, 33});
      const Shape shape = transposed ? Shape{70, 33} : Shape{33, 70};
      Attributes attributes = {{"transB", std::int64_t{transposed}}, {"activation", std::string("gelu")}};
      const ValueId h = net.op("FusedMatMul", {x, net.weight(shape), net.weight(Shape{70})}, attributes);
      const ValueId y = net.op("FusedMatMul", {h, net.weight(Shape{70, 33}), net.weight(Shape{33}), x});
      const ValueId gamma = net.weight(Shape{33}), beta = net.weight(Shape{33});
      net.output(y);
      net.output(net.op("LayerNormalization", {y, gamma, beta}, {{"axis", std::int64_t{-1}}, {"epsilon", 1e-5F}}));
      check_everywhere(net.graph, {random_tensor(Shape{2, rows, 33}, 5)}, tolerance(70, 40));
    }
}

TEST(Plan, AttentionMergedAndSeparateWithMasks) {
  constexpr std::int64_t batch = 2, tokens = 51, heads = 3, size = 20, hidden = heads * size;
  const Attributes attributes = {{"num_heads", heads}, {"scale", 0.2236F}};
  for (const int form : {0, 1, 2, 3}) {
    SCOPED_TRACE(form);
    Net net;
    std::vector<Tensor> inputs;
    std::vector<ValueId> operands;
    if (form < 2) {
      operands = {net.input("qkv", {batch, tokens, 3 * hidden}), no_value, no_value};
      inputs = {random_tensor(Shape{batch, tokens, 3 * hidden}, 9)};
    } else {
      for (const char* name : {"q", "k", "v"}) {
        operands.push_back(net.input(name, {batch, tokens, hidden}));
        inputs.push_back(random_tensor(Shape{batch, tokens, hidden}, 10 + static_cast<std::uint32_t>(inputs.size())));
      }
    }
    if (form == 1 || form == 3) {
      const Shape mask = form == 1 ? Shape{batch, 1, 1, tokens} : Shape{1, heads, tokens, tokens};
      operands.push_back(net.input("mask", {mask[0], mask[1], mask[2], mask[3]}));
      inputs.push_back(random_tensor(mask, 20, -3, 3));
    }
    while (operands.back() == no_value) operands.pop_back();
    net.output(net.op("FusedAttention", operands, attributes));
    // Softmax weights sum to one; exp turns an absolute score error into a relative one.
    check_everywhere(net.graph, inputs, 4 * tolerance(size, 1) + tolerance(tokens, 1.0 / tokens));
  }
}

TEST(Plan, AttentionOfIntegersIsTheSameOnEveryTier) {
  constexpr std::int64_t batch = 2, tokens = 51, heads = 3, size = 20, hidden = heads * size;
  const Attributes q_and_k{{"num_heads", heads}, {"scale", 0.2236F},
                           {"q_scale", 0.008F},  {"q_zero_point", std::int64_t{120}},
                           {"k_scale", 0.0079F}, {"k_zero_point", std::int64_t{131}}};
  for (const std::int64_t v_zero_point : {0, 128, 117}) {
    SCOPED_TRACE(v_zero_point);
    Net net;
    Attributes attributes = q_and_k;
    if (v_zero_point != 0) {
      attributes["p_scale"] = 1.0F / 255.0F;
      attributes["p_zero_point"] = std::int64_t{0};
      attributes["v_scale"] = 0.008F;
      attributes["v_zero_point"] = v_zero_point;
    }
    const ValueId qkv = net.input("qkv", {batch, tokens, 3 * hidden}), mask = net.input("mask", {batch, 1, 1, tokens});
    net.output(net.op("FusedAttention", {qkv, no_value, no_value, mask}, attributes));
    // A number next to the middle between two integers may go either way: a few steps of q and k in a score, and a few
    // of the probabilities.
    check_everywhere(
        net.graph,
        {random_tensor(Shape{batch, tokens, 3 * hidden}, 9), random_tensor(Shape{batch, 1, 1, tokens}, 20, -3, 3)},
        v_zero_point == 0 ? 1e-3 : 4.0 / 255.0);
  }
}

TEST(Plan, OpsWithoutKernelsRunAsReferenceAndSaySo) {
  Net net;
  const ValueId x = net.input("x", {3, 5});
  net.output(net.op("CumSum", {net.op("Erf", {net.op("Exp", {x})}), net.constant(Tensor::scalar(std::int64_t{1}))}));
  infer_shapes(net.graph);
  WeightStore weights;
  const auto plan = make_plan(net.graph, Isa::avx2, weights);
  ASSERT_EQ(plan->steps.size(), 3U);
  for (const auto& step : plan->steps) {
    EXPECT_EQ(step->info.kernel, step->info.op == "CumSum" ? "reference" : "elements");
    EXPECT_FALSE(step->info.why.empty());
  }
  check_everywhere(net.graph, {random_tensor(Shape{3, 5}, 2)}, 0.0);
}

TEST(Plan, AnIndexOutsideTheTableIsAnErrorAndTheExecutorGoesOn) {
  Net net;
  const ValueId ids = net.input("ids", {2}, DataType::i64);
  net.output(net.op("Gather", {net.weight(Shape{10, 4}), ids}));
  infer_shapes(net.graph);
  WeightStore weights;
  EXPECT_THROW(run_plan(net.graph, {testing::indices({3, 10})}, Isa::avx2, 2, weights), Error);
  EXPECT_NO_THROW(run_plan(net.graph, {testing::indices({3, 9})}, Isa::avx2, 2, weights));
}

TEST(Plan, PackedWeightsAreSharedBetweenPlansOfOneStore) {
  Net net;
  const ValueId x = net.input("x", {4, 64});
  net.output(net.op("FusedMatMul", {x, net.weight(Shape{64, 96})}));
  infer_shapes(net.graph);
  WeightStore weights;
  const auto one = make_plan(net.graph, Isa::avx2, weights);
  const std::size_t bytes = weights.bytes();
  EXPECT_GE(bytes, 64U * 96 * sizeof(float));
  const auto two = make_plan(net.graph, Isa::avx2, weights);
  EXPECT_EQ(weights.bytes(), bytes);
  EXPECT_EQ(one->weights, two->weights);
}

/// Where all kernels of a type read one form of the weights, whatever the number of rows.
TEST(Plan, OtherNumbersOfRowsPackNothingMore) {
  Tensor floats = random_tensor(Shape{64, 96}, 1), bytes(DataType::s8, Shape{64, 96});
  for (std::size_t i = 0; i < bytes.bytes(); ++i) bytes.mutable_data()[i] = static_cast<std::byte>(i * 37 % 251);
  for (const Isa isa : tiers_here())
    for (const DataType type : {DataType::f32, DataType::bf16, DataType::u8}) {
      const bool other_form_for_few = type == DataType::u8 && !has_int8_dot(isa);
      if (other_form_for_few || (has_tiles(isa) && type != DataType::f32)) continue;
      WeightStore weights;
      std::size_t packed = 0;
      for (const std::int64_t rows : {30, 1, 5, 300}) {
        Net net;
        const ValueId x = net.input("x", {1, rows, 64}, type);
        const ValueId w = net.constant(type == DataType::u8 ? bytes : floats);
        if (type == DataType::u8) {
          net.graph.value(x).quantization = Quantization{{1.0F}, {7}, -1};
          net.graph.value(w).quantization = Quantization{{1.0F}, {0}, -1};
        }
        net.output(net.op("FusedMatMul", {x, w}));
        infer_shapes(net.graph);
        static_cast<void>(make_plan(net.graph, isa, weights));
        if (packed == 0) packed = weights.bytes();
        EXPECT_EQ(weights.bytes(), packed) << name_of(isa) << " " << name_of(type) << ", rows: " << rows;
      }
      EXPECT_GT(packed, 0U);
    }
}

}  // namespace
}  // namespace tessera
