// dynamic_products, and what plans make of it.
#include "passes/bf16.hpp"
#include "quantize/dynamic.hpp"
#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

/// The nodes that quantizers write for a dynamically quantized product.
class DynamicNet : public Net {
 public:
  struct Quantized {
    ValueId integers, scale, zero_point;
  };
  Quantized quantize(ValueId x) {
    const Quantized made{op("DynamicQuantizeLinear", {x}), graph.add_value("scale", DataType::f32),
                         graph.add_value("zero_point", DataType::u8)};
    graph.nodes.back().outputs = {made.integers, made.scale, made.zero_point};
    return made;
  }
  ValueId scaled(ValueId sums, ValueId a_scale, ValueId b_scale) {
    const ValueId scales = op("Mul", {a_scale, b_scale});
    return op("Mul", {op("Cast", {sums}, {{"to", std::int64_t{1}}}), scales});
  }
  ValueId integers(const Shape& shape, DataType type) {
    Tensor tensor(type, shape);
    int next = 0;
    for (std::size_t i = 0; i < tensor.bytes(); ++i)
      tensor.mutable_data()[i] = static_cast<std::byte>((next += 37) % 255 - (type == DataType::s8 ? 127 : 0));
    return constant(tensor);
  }
  ValueId linear(ValueId x, std::int64_t k, std::int64_t n, bool per_column) {
    const Quantized q = quantize(x);
    const Shape scales = per_column ? Shape{n} : Shape{};
    const ValueId zero = constant(Tensor(DataType::s8, scales));
    const ValueId sums = op("MatMulInteger", {q.integers, integers({k, n}, DataType::s8), q.zero_point, zero});
    return scaled(sums, q.scale, constant(random_tensor(scales, 9, 0.001F, 0.003F)));
  }
};

constexpr PassFunction fuse = &passes::fuse_dynamic_products;

/// Both outputs agree within `allowed` of the largest element.
void expect_close(const Tensor& expected, const Tensor& actual, double allowed) {
  ASSERT_EQ(to_string(expected.shape()), to_string(actual.shape()));
  const double bound = allowed * largest(expected);
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
    ASSERT_NEAR(expected.as<float>()[i], actual.as<float>()[i], bound) << i;
}

/// The output of a plan, which is expected to be the same bits on every tier.
Tensor same_on_every_tier(const Graph& graph, const Tensor& input) {
  WeightStore store;
  Tensor first;
  for (const Isa isa : tiers_here()) {
    const Tensor actual = run_plan(graph, {input}, isa, 2, store).front();
    if (first.empty()) first = actual;
    EXPECT_TRUE(same_bits(actual, first)) << name_of(isa);
  }
  return first;
}

/// An input whose integers are the same whether one divides by its scale or multiplies by the inverse, so that only
/// the rounding of floats is left to differ: whole steps of a range of 255 steps.
Tensor whole_steps(const Shape& shape, float low) {
  Tensor tensor = random_tensor(shape, 1, low, low + 255.0F);
  const auto to = tensor.mutable_as<float>();
  for (float& value : to) value = std::nearbyint(value) * 0.25F;
  to[0] = low * 0.25F;
  to[1] = (low + 255.0F) * 0.25F;
  return tensor;
}

/// One scale and zero point for the whole input, as the file says it.
TEST(DynamicProducts, LinearLayersQuantizeTheirInput) {
  for (const bool per_column : {true, false})
    for (const float low : {-100.0F, 0.0F, -255.0F}) {
      DynamicNet net;
      const ValueId x = net.input("x", {3, 5, 40});
      const ValueId y = net.op("Add", {net.linear(x, 40, 21, per_column), net.weight({21})});
      net.output(net.op("Relu", {y}));
      Graph after = net.graph;
      run_passes(after, default_passes(), nullptr);
      EXPECT_EQ(ops_of(after), "FusedMatMul");
      const Node& product = only(after, "FusedMatMul");
      EXPECT_EQ(after.value(product.inputs[1]).type, DataType::s8);
      EXPECT_EQ(activation_of(product), "relu");
      const Tensor input = whole_steps({3, 5, 40}, low);
      const Tensor expected = evaluate(net.graph, std::vector<Tensor>{input}).front();
      WeightStore store;
      Tensor first;
      for (const Isa isa : tiers_here())
        for (const int threads : {1, 2, 3}) {
          const Tensor actual = run_plan(after, {input}, isa, threads, store).front();
          if (first.empty()) first = actual;
          EXPECT_TRUE(same_bits(actual, first)) << name_of(isa) << " " << threads;
        }
      // The sums are exact; both scales, their product and the bias are rounded.
      expect_close(expected, first, 8 * epsilon);
    }
}

TEST(DynamicProducts, LinearLayersOfBf16QuantizeTheirInputToo) {
  DynamicNet net;
  const ValueId x = net.input("x", {3, 5, 40});
  net.output(net.linear(net.op("LayerNormalization", {x, net.weight({40}), net.weight({40})}), 40, 21, true));
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  convert_to_bf16(after);
  infer_shapes(after);
  const Tensor input = random_tensor({3, 5, 40}, 1, -2.0F, 2.0F);
  // A step of the range of 255, and one of 8 bits, in each of 40 products.
  expect_close(evaluate(net.graph, std::vector<Tensor>{input}).front(), same_on_every_tier(after, input), 0.05);
}

/// With the precision int8-dynamic a file goes by rows.
TEST(DynamicProducts, ARowDoesNotDependOnItsNeighboursWhereRowsAreAskedFor) {
  for (const bool by_rows : {true, false}) {
    DynamicNet net;
    net.output(net.linear(net.input("x", {2, 8}), 8, 5, true));
    run_passes(net.graph, default_passes(), nullptr);
    if (by_rows) quantize_linear_weights(net.graph);
    const Tensor quiet = random_tensor({2, 8}, 1);
    Tensor loud = random_tensor({2, 8}, 1);
    for (std::size_t i = 8; i < 16; ++i) loud.mutable_as<float>()[i] *= 1000.0F;
    WeightStore store;
    const Tensor a = run_plan(net.graph, {quiet}, Isa::avx2, 2, store).front();
    const Tensor b = run_plan(net.graph, {loud}, Isa::avx2, 2, store).front();
    for (std::size_t n = 0; n < 5; ++n) EXPECT_EQ(a.as<float>()[n] == b.as<float>()[n], by_rows);
  }
}

/// A convolution of u8 weights as ONNX Runtime writes it: zero points that leave no room for s8.
struct ConvCase {
  const char* name;
  std::int64_t channels, outputs, side, group;
  std::vector<std::int64_t> pads, strides, dilations;
  int weight_zero;  ///< -1: symmetric s8 weights
};

DynamicNet convolution(const ConvCase& c, bool with_residual) {
  DynamicNet net;
  const ValueId input = net.input("x", {3, c.channels, 9, 11});
  const auto x = net.quantize(input);
  const bool is_signed = c.weight_zero < 0;
  const ValueId weights =
      net.integers({c.outputs, c.channels / c.group, c.side, c.side}, is_signed ? DataType::s8 : DataType::u8);
  std::vector<ValueId> operands{x.integers, weights, x.zero_point};
  if (!is_signed)
    operands.push_back(net.constant(tensor_of<std::uint8_t>({1}, {static_cast<std::uint8_t>(c.weight_zero)})));
  const ValueId sums =
      net.op("ConvInteger", operands,
             {{"pads", c.pads}, {"strides", c.strides}, {"dilations", c.dilations}, {"group", c.group}});
  const ValueId biased =
      net.op("Add", {net.scaled(sums, x.scale, net.number(0.002F)), net.weight({1, c.outputs, 1, 1})});
  net.output(net.op("Relu", {with_residual ? net.op("Add", {biased, input}) : biased}));
  return net;
}

TEST(DynamicProducts, ConvolutionsRunOnIntegersOfTheWholeTensor) {
  using L = std::vector<std::int64_t>;
  const ConvCase cases[] = {
      {"3x3", 5, 21, 3, 1, {1, 1, 1, 1}, {1, 1}, {1, 1}, 143},
      {"uneven padding, stride", 16, 16, 3, 1, {0, 2, 1, 0}, {2, 1}, {1, 1}, 7},
      {"1x1", 64, 33, 1, 1, {0, 0, 0, 0}, {1, 1}, {1, 1}, 255},
      {"depthwise, dilated", 8, 8, 3, 8, {2, 2, 2, 2}, {1, 1}, {2, 2}, 100},
      {"long sums", 300, 40, 3, 1, {1, 1, 1, 1}, {1, 1}, {1, 1}, 160},
      {"symmetric", 16, 32, 3, 1, {1, 1, 1, 1}, {1, 1}, {1, 1}, -1},
  };
  WeightStore store;
  for (const ConvCase& c : cases) {
    for (const float low : {-100.0F, 0.0F, -255.0F}) {
      const bool with_residual = c.channels == c.outputs && c.strides == L{1, 1};
      const DynamicNet net = convolution(c, with_residual);
      const Tensor x = whole_steps({3, c.channels, 9, 11}, low);
      const Tensor expected = evaluate(net.graph, std::vector<Tensor>{x}).front();
      Graph after = net.graph;
      run_passes(after, default_passes(), nullptr);
      ASSERT_EQ(ops_of(after), "FusedConv") << c.name;
      EXPECT_EQ(after.value(after.nodes[0].inputs[1]).type, DataType::s8);
      Tensor first;
      for (const Isa isa : tiers_here())
        for (const int threads : {1, 2, 3}) {
          const Tensor actual = run_plan(after, {x}, isa, threads, store).front();
          if (first.empty()) first = actual;
          EXPECT_TRUE(same_bits(actual, first)) << c.name << ' ' << name_of(isa) << ' ' << threads;
        }
      // Exact sums; the scales, the bias and the residual are rounded on one side in another order than on the other.
      expect_close(expected, first, 8 * 0x1p-24);
    }
  }
}

TEST(DynamicProducts, ConvolutionsOfAnyInputAreOffByAStepAtMost) {
  const ConvCase c{"3x3", 6, 9, 3, 1, {1, 1, 1, 1}, {1, 1}, {1, 1}, 120};
  const DynamicNet net = convolution(c, false);
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  WeightStore store;
  const Tensor x = random_tensor({3, 6, 9, 11}, 5, -1.0F, 3.0F);
  // x / scale and x * (1 / scale) round to different integers now and then: one element by one step.
  const double step = 4.0 / 255, largest_weight = 135 * 0.002;
  const Tensor expected = evaluate(net.graph, std::vector<Tensor>{x}).front();
  const Tensor actual = run_plan(after, {x}, Isa::avx2, 2, store).front();
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
    ASSERT_NEAR(expected.as<float>()[i], actual.as<float>()[i], step * largest_weight * 1.01) << i;
}

TEST(DynamicProducts, TwoConvolutionsShareTheIntegersOfTheirInput) {
  DynamicNet net;
  const auto x = net.quantize(net.op("Relu", {net.input("x", {2, 4, 8, 8})}));
  for (const std::int64_t side : {1, 3}) {
    const std::vector<std::int64_t> pads(4, side / 2);
    const ValueId zero = net.constant(Tensor::scalar<std::uint8_t>(131));
    const ValueId weights = net.integers({8, 4, side, side}, DataType::u8);
    const ValueId sums = net.op("ConvInteger", {x.integers, weights, x.zero_point, zero}, {{"pads", pads}});
    net.output(net.scaled(sums, x.scale, net.number(0.01F)));
  }
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  WeightStore store;
  int quantized = 0;
  const auto plan = make_plan(after, Isa::avx2, store);
  for (const auto& step : plan->steps) quantized += step->info.op == "QuantizeTensor";
  EXPECT_EQ(quantized, 1);
  Tensor input = whole_steps({2, 4, 8, 8}, 0.0F);
  const auto expected = evaluate(net.graph, std::vector<Tensor>{input});
  const auto actual = run_plan(after, {input}, Isa::avx2, 2, store);
  for (std::size_t i = 0; i < 2; ++i) expect_close(expected[i], actual[i], 8 * 0x1p-24);
}

TEST(DynamicProducts, WhatIsNotFiniteShowsAndZerosAreZeros) {
  const ConvCase c{"3x3", 6, 9, 3, 1, {1, 1, 1, 1}, {1, 1}, {1, 1}, 120};
  DynamicNet net = convolution(c, false);
  run_passes(net.graph, default_passes(), nullptr);
  WeightStore store;
  Tensor x(DataType::f32, {3, 6, 9, 11});
  const Tensor zeros = run_plan(net.graph, {x}, Isa::avx2, 2, store).front();
  for (const float y : zeros.as<float>()) EXPECT_TRUE(std::isfinite(y));
  for (const float bad : {NAN, INFINITY}) {
    x.mutable_as<float>()[400] = bad;
    const Tensor poisoned = run_plan(net.graph, {x}, Isa::avx2, 2, store).front();
    for (const float y : poisoned.as<float>()) EXPECT_TRUE(std::isnan(y));
  }
}

TEST(DynamicProducts, WeightsOfLinearLayersMayHaveZeroPointsToo) {
  DynamicNet net;
  const auto x = net.quantize(net.input("x", {7, 40}));
  Tensor zeros(DataType::u8, {21});
  for (std::size_t n = 0; n < 21; ++n) zeros.mutable_as<std::uint8_t>()[n] = static_cast<std::uint8_t>(100 + 3 * n);
  const ValueId sums =
      net.op("MatMulInteger", {x.integers, net.integers({40, 21}, DataType::u8), x.zero_point, net.constant(zeros)});
  net.output(net.scaled(sums, x.scale, net.number(0.002F)));
  Graph real = net.graph, after = net.graph;
  apply(real, {fuse});
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(after.value(only(after, "FusedMatMul").inputs[1]).type, DataType::s8);
  const Tensor input = random_tensor({7, 40}, 1, -2.0F, 2.0F);
  const Tensor expected = evaluate(real, std::vector<Tensor>{input}).front();
  const Tensor first = same_on_every_tier(after, input);
  // Half a step of a row's scale in each of 40 elements, against weights of at most 160 steps.
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
    ASSERT_NEAR(expected.as<float>()[i], first.as<float>()[i], 40 * 0.5 * 2.0 / 127 * 160 * 0.002) << i;
}

TEST(DynamicProducts, WeightsBetweenStaticScalesMayHaveZeroPointsToo) {
  DynamicNet net;
  const auto pair = [&](ValueId x, float scale, std::uint8_t zero) {
    const ValueId step = net.number(scale), middle = net.constant(Tensor::scalar(zero));
    return net.op("DequantizeLinear", {net.op("QuantizeLinear", {x, step, middle}), step, middle});
  };
  const ValueId weights = net.op("DequantizeLinear", {net.integers({16, 16, 3, 3}, DataType::u8), net.number(0.002F),
                                                      net.constant(Tensor::scalar<std::uint8_t>(150))});
  const ValueId x = pair(net.input("x", {2, 16, 7, 7}), 0.25F, 100);
  const ValueId y = net.op("Conv", {x, weights, net.weight({16})}, {{"pads", ints({1, 1, 1, 1})}});
  net.output(pair(y, 0.5F, 128));
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(after.value(only(after, "FusedConv").inputs[1]).type, DataType::s8);
  const Tensor input = whole_steps({2, 16, 7, 7}, -100.0F);
  const Tensor expected = evaluate(net.graph, std::vector<Tensor>{input}).front();
  const Tensor first = same_on_every_tier(after, input);
  // The sums are exact here and rounded there: an element between two steps of 0.5 may go to either.
  int different = 0;
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i) {
    ASSERT_NEAR(expected.as<float>()[i], first.as<float>()[i], 0.5) << i;
    different += expected.as<float>()[i] != first.as<float>()[i];
  }
  EXPECT_LT(different, 5);
}

TEST(DynamicProducts, ProductsOfTwoComputedTensorsBecomeMatMul) {
  DynamicNet net;
  const auto a = net.quantize(net.input("a", {2, 5, 8})), b = net.quantize(net.input("b", {2, 8, 6}));
  const ValueId sums = net.op("MatMulInteger", {a.integers, b.integers, a.zero_point, b.zero_point});
  net.output(net.scaled(sums, a.scale, b.scale));
  Graph after = net.graph;
  apply(after, {fuse});
  EXPECT_EQ(ops_of(after), "MatMul");
  const std::vector<Tensor> inputs{random_tensor({2, 5, 8}, 1), random_tensor({2, 8, 6}, 2)};
  expect_close(evaluate(net.graph, inputs).front(), evaluate(after, inputs).front(), 1.0 / 30);
}

TEST(DynamicProducts, WhatIsNotTheirScaleIsLeftAlone) {
  DynamicNet net;
  const auto q = net.quantize(net.input("x", {2, 8}));
  const ValueId sums = net.op("MatMulInteger", {q.integers, net.integers({8, 5}, DataType::s8), q.zero_point});
  net.output(net.op("Mul", {net.op("Cast", {sums}, {{"to", std::int64_t{1}}}), net.number(0.5F)}));
  Graph after = net.graph;
  const auto notes = apply(after, {fuse});
  EXPECT_EQ(count(after, "MatMulInteger"), 1);
  EXPECT_NE(refusals(notes).find("not the output of a DynamicQuantizeLinear"), std::string::npos);
  expect_same(net.graph, after, {random_tensor({2, 8}, 1)});
}

}  // namespace
}  // namespace tessera
