// dynamic_products, and what plans make of it.
#include "runtime_support.hpp"

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
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
    ASSERT_NEAR(expected.as<float>()[i], actual.as<float>()[i], allowed * largest(expected)) << i;
}

TEST(DynamicProducts, LinearLayersQuantizeTheirRows) {
  for (const bool per_column : {true, false}) {
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

    // Against the same layer on x as it is: a row of 40 elements is off by half a step of its own scale at most.
    Graph real = net.graph;
    apply(real, {fuse});
    const Tensor input = random_tensor({3, 5, 40}, 1, -2.0F, 2.0F);
    const Tensor expected = evaluate(real, std::vector<Tensor>{input}).front();
    const auto weights = std::as_const(after).value(product.inputs[1]).constant.as<std::int8_t>();
    const Quantization& q = *after.value(product.inputs[1]).quantization;
    WeightStore store;
    Tensor first;
    for (const Isa isa : tiers_here())
      for (const int threads : {1, 2, 3}) {
        const Tensor actual = run_plan(after, {input}, isa, threads, store).front();
        if (first.empty()) first = actual;
        EXPECT_TRUE(same_bits(actual, first)) << name_of(isa) << " " << threads;
      }
    for (std::size_t n = 0; n < 21; ++n) {
      double magnitude = 0;
      for (std::size_t k = 0; k < 40; ++k)
        magnitude += std::abs(weights[k * 21 + n] * static_cast<double>(q.scale[q.per_tensor() ? 0 : n]));
      const double allowed = magnitude * 2.0 / 127 * 0.5 * (1 + 1e-4);
      for (std::size_t row = 0; row < 15; ++row)
        EXPECT_NEAR(first.as<float>()[row * 21 + n], expected.as<float>()[row * 21 + n], allowed);
    }
  }
}

TEST(DynamicProducts, ARowDoesNotDependOnItsNeighbours) {
  DynamicNet net;
  net.output(net.linear(net.input("x", {2, 8}), 8, 5, true));
  run_passes(net.graph, default_passes(), nullptr);
  const Tensor quiet = random_tensor({2, 8}, 1);
  Tensor loud = random_tensor({2, 8}, 1);
  for (std::size_t i = 8; i < 16; ++i) loud.mutable_as<float>()[i] *= 1000.0F;
  WeightStore store;
  const Tensor a = run_plan(net.graph, {quiet}, Isa::avx2, 2, store).front();
  const Tensor b = run_plan(net.graph, {loud}, Isa::avx2, 2, store).front();
  for (std::size_t n = 0; n < 5; ++n) EXPECT_EQ(a.as<float>()[n], b.as<float>()[n]);
}

TEST(DynamicProducts, AsymmetricWeightsAndConvolutionsBecomeFloat) {
  DynamicNet net;
  const auto x = net.quantize(net.input("x", {2, 3, 6, 6}));
  const ValueId zero = net.constant(tensor_of<std::uint8_t>({1}, {77}));
  const ValueId sums = net.op("ConvInteger", {x.integers, net.integers({4, 3, 3, 3}, DataType::u8), x.zero_point, zero},
                              {{"pads", ints({1, 1, 1, 1})}});
  const ValueId y = net.scaled(sums, x.scale, net.number(0.002F));
  net.output(net.op("Add", {y, net.weight({1, 4, 1, 1})}));
  Graph after = net.graph;
  run_passes(after, default_passes(), nullptr);
  EXPECT_EQ(ops_of(after), "FusedConv");
  EXPECT_EQ(after.value(after.nodes[0].inputs[1]).type, DataType::f32);
  // x was rounded to steps of 2 / 255; 27 products of it add up.
  const std::vector<Tensor> inputs{random_tensor({2, 3, 6, 6}, 1)};
  expect_close(evaluate(net.graph, inputs).front(), evaluate(after, inputs).front(), 1.0 / 50);
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
