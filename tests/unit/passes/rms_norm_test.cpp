// RMSNormalization: from its parts, and by its kernel.
#include "passes/bf16.hpp"
#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

constexpr std::int64_t rows = 6, width = 37;

enum class Quotient : std::uint8_t { div, reciprocal, one_over, power };

/// As an exporter writes it; `square` as a Mul or a Pow, the mean's axes as an attribute or an input.
ValueId written_out(Net& net, ValueId x, Quotient quotient, bool new_form, std::int64_t axis = -1) {
  const ValueId square = new_form ? net.op("Pow", {x, net.number(2)}) : net.op("Mul", {x, x});
  const ValueId mean =
      new_form ? net.op("ReduceMean", {square, net.constant(indices({axis}))})
               : net.op("ReduceMean", {square, net.constant(indices({axis}))}, {{"keepdims", std::int64_t{1}}});
  const ValueId sum = net.op("Add", {mean, net.number(0.01F)});
  const ValueId root = quotient == Quotient::power ? no_value : net.op("Sqrt", {sum});
  switch (quotient) {
    case Quotient::div: return net.op("Div", {x, root});
    case Quotient::reciprocal: return net.op("Mul", {x, net.op("Reciprocal", {root})});
    case Quotient::one_over: return net.op("Mul", {net.op("Div", {net.number(1), root}), x});
    case Quotient::power: break;
  }
  return net.op("Mul", {x, net.op("Pow", {sum, net.number(-0.5F)})});
}

Net network(Quotient quotient, bool new_form, std::int64_t axis = -1) {
  Net net;
  net.graph.opset = 18;
  const ValueId x = net.input("x", {2, rows / 2, width});
  net.output(net.op("Mul", {net.weight({width}), written_out(net, x, quotient, new_form, axis)}));
  return net;
}

/// The sum of `width` squares in two orders, a root, a quotient and two products.
constexpr double tolerance = (2 * static_cast<double>(width) + 8) * epsilon;

TEST(RmsNorm, FromItsParts) {
  for (const Quotient quotient : {Quotient::div, Quotient::reciprocal, Quotient::one_over, Quotient::power})
    for (const bool new_form : {false, true}) {
      Net net = network(quotient, new_form);
      const Graph before = net.graph;
      apply(net.graph, {&passes::fuse_rms_norm});
      ASSERT_EQ(ops_of(net.graph), "RMSNormalization") << static_cast<int>(quotient);
      EXPECT_FLOAT_EQ(net.graph.nodes[0].attribute_or("epsilon", 0.0F), 0.01F);
      expect_same(before, net.graph, {random_tensor({2, rows / 2, width}, 1)}, tolerance);
    }
}

TEST(RmsNorm, NearMatchesStay) {
  Net other_axis = network(Quotient::div, true, 1);
  apply(other_axis.graph, {&passes::fuse_rms_norm});
  EXPECT_EQ(count(other_axis.graph, "RMSNormalization"), 0);

  Net no_gamma;
  no_gamma.graph.opset = 18;
  const ValueId x = no_gamma.input("x", {rows, width});
  no_gamma.output(no_gamma.op("Neg", {written_out(no_gamma, x, Quotient::reciprocal, true)}));
  EXPECT_NE(refusals(apply(no_gamma.graph, {&passes::fuse_rms_norm})).find("no Mul"), std::string::npos);

  Net other_value;
  other_value.graph.opset = 18;
  const ValueId a = other_value.input("a", {rows, width}), b = other_value.input("b", {rows, width});
  const ValueId mean =
      other_value.op("ReduceMean", {other_value.op("Mul", {a, b}), other_value.constant(indices({-1}))});
  const ValueId root = other_value.op("Sqrt", {other_value.op("Add", {mean, other_value.number(0.1F)})});
  other_value.output(other_value.op("Mul", {other_value.op("Div", {a, root}), other_value.weight({width})}));
  apply(other_value.graph, {&passes::fuse_rms_norm});
  EXPECT_EQ(count(other_value.graph, "RMSNormalization"), 0);
}

TEST(RmsNorm, ItsKernelOnEveryTierAndPrecision) {
  Net net = network(Quotient::reciprocal, true);
  const ValueId normal = net.graph.outputs[0];
  net.graph.outputs.clear();
  net.output(net.op("MatMul", {normal, net.weight({width, 16})}));
  const std::vector<Tensor> inputs{random_tensor({2, rows / 2, width}, 1, -4, 4)};
  const Tensor expected = evaluate(net.graph, inputs)[0];
  for (const bool bf16 : {false, true}) {
    Graph graph = net.graph;
    run_passes(graph, default_passes(), nullptr);
    if (bf16) convert_to_bf16(graph);
    infer_shapes(graph);
    EXPECT_EQ(graph.value(only(graph, "RMSNormalization").outputs[0]).type, bf16 ? DataType::bf16 : DataType::f32);
    std::vector<Tensor> first;
    for (const Isa isa : tiers_here()) {
      WeightStore weights;
      const std::vector<Tensor> y = run_plan(graph, inputs, isa, 2, weights);
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
        ASSERT_NEAR(y[0].as<float>()[i], expected.as<float>()[i], bf16 ? 0.1 : 10 * tolerance) << name_of(isa);
      if (first.empty()) first = y;
      EXPECT_TRUE(bf16 || same_bits(y[0], first[0])) << name_of(isa);
    }
  }
}

}  // namespace
}  // namespace tessera::testing
