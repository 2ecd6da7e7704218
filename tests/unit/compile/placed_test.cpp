// Ops inside layers that used to be plain code: Pad, Resize, reductions, Softmax along other axes, Einsum. In plans
// they are steps that members share, with the bits of evaluate() where the order of sums is fixed, and the same bits on
// every tier and with any number of threads.
#include <algorithm>
#include <string>
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::epsilon;
using testing::indices;
using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tensor_of;
using testing::tiers_here;

/// Plans the network for every tier and compares all its outputs with evaluate(): bit for bit, or within `tolerance`.
void expect_planned(const Net& net, const std::vector<Tensor>& inputs, double tolerance = 0) {
  Graph graph = net.graph;
  infer_shapes(graph);
  const auto expected = evaluate(graph, inputs);
  std::vector<Tensor> first;
  for (const Isa isa : tiers_here()) {
    WeightStore weights;
    const auto plan = make_plan(graph, isa, weights);
    for (const auto& step : plan->steps) EXPECT_NE(step->info.kernel, "reference") << step->info.op;
    for (const int threads : {1, 3}) {
      const auto got = run_plan(graph, inputs, isa, threads, weights);
      if (first.empty()) first = got;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_TRUE(same_bits(first[i], got[i])) << name_of(isa) << " output " << i;
        if (tolerance == 0) {
          EXPECT_TRUE(same_bits(expected[i], got[i])) << name_of(isa) << " output " << i;
          continue;
        }
        ASSERT_EQ(to_string(expected[i].shape()), to_string(got[i].shape()));
        for (std::size_t k = 0; k < expected[i].as<float>().size(); ++k)
          ASSERT_NEAR(expected[i].as<float>()[k], got[i].as<float>()[k], tolerance) << "output " << i << " at " << k;
      }
    }
  }
}

TEST(PlanPlaced, PadsInEveryMode) {
  for (const std::string mode : {"constant", "reflect", "edge", "wrap"}) {
    Net net;
    const ValueId x = net.input("x", {2, 5, 6, 7});
    const ValueId value = mode == "constant" ? net.number(-3.5F) : no_value;
    for (const auto& pads : {ints({0, 0, 1, 2, 0, 0, 3, 0}), ints({1, 2, 0, 0, 1, 1, 0, 0}),
                             ints({0, 0, 0, 0, 0, 4, 0, 0}), ints({1, 1, 1, 3, 1, 1, 1, 5})})
      net.output(net.op("Pad", {x, net.constant(indices(pads)), value}, {{"mode", mode}}));
    expect_planned(net, {random_tensor(Shape{2, 5, 6, 7}, 1)});
  }
}

TEST(PlanPlaced, PadsWindowsAndIntegers) {
  Net net;
  const ValueId x = net.input("x", {2, 7, 7, 12}), wide = net.input("wide", {3, 4}, DataType::i64);
  // As Swin pads images to whole windows, and by nothing where they are.
  net.output(net.op("Pad", {x, net.constant(indices({0, 0, 0, 0, 0, 1, 1, 0}))}));
  net.output(net.op("Pad", {x, net.constant(indices({0, 0, 0, 0, 0, 0, 0, 0}))}));
  net.output(
      net.op("Pad", {wide, net.constant(indices({1, 2, 0, 3})), net.constant(Tensor::scalar(std::int64_t{7} << 40))}));
  // One axis of four, by its name.
  net.output(net.op("Pad", {x, net.constant(indices({2, 0})), no_value, net.constant(indices({-1}))}));
  Tensor numbers(DataType::i64, Shape{3, 4});
  for (std::int64_t i = 0; i < 12; ++i) numbers.mutable_as<std::int64_t>()[static_cast<std::size_t>(i)] = i << 33;
  expect_planned(net, {random_tensor(Shape{2, 7, 7, 12}, 1), numbers});
}

TEST(PlanPlaced, GathersIndicesThatAreNotEvenlySpaced) {
  Net net;
  const ValueId x = net.input("x", {3, 9, 5});
  net.output(net.op("Gather", {x, net.constant(indices({8, 0, 0, 3, -2}))}, {{"axis", std::int64_t{1}}}));
  net.output(net.op("Gather", {x, net.constant(indices({4, 0, 1}))}, {{"axis", std::int64_t{2}}}));
  net.output(net.op("Gather", {x, net.constant(tensor_of<std::int64_t>(Shape{2, 3}, {2, 0, 1, 1, 0, 2}))}));
  expect_planned(net, {random_tensor(Shape{3, 9, 5}, 2)});
}

struct Resizing {
  std::string mode, coordinates, nearest;
  std::vector<std::int64_t> sizes;
};

TEST(PlanPlaced, ResizesInEveryMode) {
  for (const Resizing& how :
       {Resizing{"nearest", "asymmetric", "floor", {2, 3, 10, 14}},
        Resizing{"nearest", "half_pixel", "round_prefer_floor", {2, 3, 7, 4}},
        Resizing{"linear", "half_pixel", "", {2, 3, 11, 14}}, Resizing{"linear", "align_corners", "", {2, 3, 3, 9}},
        Resizing{"linear", "pytorch_half_pixel", "", {2, 3, 5, 1}}, Resizing{"cubic", "half_pixel", "", {2, 3, 8, 21}},
        Resizing{"linear", "half_pixel", "", {2, 6, 5, 7}}}) {
    Net net;
    const ValueId x = net.input("x", {2, 3, 5, 7});
    Attributes attributes{{"mode", how.mode}, {"coordinate_transformation_mode", how.coordinates}};
    if (!how.nearest.empty()) attributes["nearest_mode"] = how.nearest;
    net.output(net.op("Resize", {x, no_value, no_value, net.constant(indices(how.sizes))}, attributes));
    expect_planned(net, {random_tensor(Shape{2, 3, 5, 7}, 3)});
  }
}

/// What stands between convolutions reads images and writes them.
TEST(PlanPlaced, BetweenConvolutions) {
  const auto conv = [](Net& net, ValueId x, std::int64_t in) {
    return net.op("FusedConv", {x, net.weight(Shape{8, in, 3, 3}), net.weight(Shape{8})},
                  {{"pads", ints({1, 1, 1, 1})}});
  };
  for (const std::string kind : {"nearest", "linear", "cubic", "pad"}) {
    Net net;
    const ValueId x = net.input("x", {2, 3, 6, 5});
    const ValueId y = conv(net, x, 3);
    const ValueId between =
        kind == "pad"
            ? net.op("Pad", {y, net.constant(indices({0, 0, 2, 0, 0, 0, 1, 1})), net.number(0.5F)})
            : net.op("Resize", {y, no_value, no_value, net.constant(indices({2, 8, 13, 10}))}, {{"mode", kind}});
    net.output(conv(net, between, 8));
    Graph graph = net.graph;
    infer_shapes(graph);
    const std::vector<Tensor> inputs{random_tensor(Shape{2, 3, 6, 5}, 5)};
    const Tensor expected = evaluate(graph, inputs)[0];
    for (const Isa isa : tiers_here()) {
      WeightStore weights;
      int reorders = 0;
      const auto plan = make_plan(graph, isa, weights);
      for (const auto& step : plan->steps) {
        EXPECT_NE(step->info.kernel, "reference") << step->info.op;
        reorders += step->info.op == "Reorder";
      }
      EXPECT_EQ(reorders, 2) << kind << ": those of the input and the output";
      const auto got = run_plan(graph, inputs, isa, 2, weights);
      // Two layers of sums of up to 72 products, none above 3.
      for (std::size_t k = 0; k < expected.as<float>().size(); ++k)
        ASSERT_NEAR(expected.as<float>()[k], got[0].as<float>()[k], 2 * 72 * 72 * 3 * epsilon) << kind;
    }
  }
}

TEST(PlanPlaced, ReducesAnyAxes) {
  for (const char* op : {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
                         "ReduceSumSquare", "ReduceLogSum"}) {
    Net net;
    const ValueId x = net.input("x", {2, 3, 5, 150});
    for (const auto& axes : {ints({-1}), ints({1}), ints({0, 2}), ints({1, 3}), ints({2, 3}), ints({0, 1, 2, 3})})
      for (const std::int64_t keepdims : {0, 1})
        net.output(net.op(op, {x, net.constant(indices(axes))}, {{"keepdims", keepdims}}));
    net.output(net.op(op, {x}, {{"axes", ints({2})}}));
    expect_planned(net, {random_tensor(Shape{2, 3, 5, 150}, 4, 0.1F, 1.5F)});
  }
}

TEST(PlanPlaced, SoftmaxAlongAnyAxis) {
  Net net;
  const ValueId x = net.input("x", {2, 5, 3, 7, 1});
  for (std::int64_t axis = -5; axis < 5; ++axis) net.output(net.op("Softmax", {x}, {{"axis", axis}}));
  // As for rows: exp within a few roundings, sums of at most 7 terms up to 1.
  expect_planned(net, {random_tensor(Shape{2, 5, 3, 7, 1}, 6, -4.0F, 4.0F)}, 32 * epsilon);
}

TEST(PlanPlaced, ElementByElementOnAllThreads) {
  Net net;
  const ValueId x = net.input("x", {3, 700}), y = net.input("y", {3, 700}),
                wide = net.input("wide", {3, 700}, DataType::i64);
  const ValueId positive = net.op("Greater", {x, net.number(0.25F)});
  net.output(net.op("Not", {positive}));
  net.output(net.op("And", {positive, net.op("Less", {y, x})}));
  net.output(net.op("Cast", {wide}, {{"to", std::int64_t{1}}}));
  net.output(net.op("Mod", {wide, net.constant(Tensor::scalar(std::int64_t{7}))}));
  net.output(net.op(
      "Clip", {wide, net.constant(Tensor::scalar(std::int64_t{-5})), net.constant(Tensor::scalar(std::int64_t{900}))}));
  net.output(net.op("Erf", {net.op("Pow", {net.op("Exp", {x}), net.number(1.5F)})}));
  net.output(net.op("IsNaN", {net.op("Sqrt", {x})}));
  Tensor numbers(DataType::i64, Shape{3, 700});
  for (std::int64_t i = 0; i < 2100; ++i)
    numbers.mutable_as<std::int64_t>()[static_cast<std::size_t>(i)] = i * 37 - 900;
  expect_planned(net, {random_tensor(Shape{3, 700}, 7), random_tensor(Shape{3, 700}, 8), numbers});
}

TEST(PlanPlaced, AnErrorInTheDataIsSeenInEveryShare) {
  Net net;
  const ValueId x = net.input("x", {4000}, DataType::i64), y = net.input("y", {4000}, DataType::i64);
  net.output(net.op("Mod", {x, y}));
  infer_shapes(net.graph);
  Tensor divisors(DataType::i64, Shape{4000});
  std::ranges::fill(divisors.mutable_as<std::int64_t>(), 3);
  divisors.mutable_as<std::int64_t>()[3999] = 0;
  WeightStore weights;
  EXPECT_THROW(run_plan(net.graph, {Tensor(DataType::i64, Shape{4000}), divisors}, Isa::avx2, 3, weights), Error);
}

struct Equation {
  const char* text;
  Shape a, b;
};
const Equation equations[] = {
    {"bhid,bhjd->bhij", {2, 3, 5, 8}, {2, 3, 7, 8}},
    {"bhij,bhjd->bhid", {2, 3, 5, 7}, {2, 3, 7, 8}},
    {"bihd,bjhd->bhij", {2, 5, 3, 8}, {2, 7, 3, 8}},
    {"bhwc,hkc->bhwk", {2, 4, 5, 8}, {4, 6, 8}},
    {"bhwc,wkc->bhwk", {2, 4, 5, 8}, {5, 6, 8}},
    {"abc,cde->abde", {2, 3, 8}, {8, 4, 5}},
    {"abcd,cde->abe", {2, 3, 4, 5}, {4, 5, 6}},
    {"i,j->ij", {5}, {6}},
    {"ij,ij->", {3, 4}, {3, 4}},
    {"...ij,...jk->...ik", {2, 3, 4, 5}, {2, 3, 5, 6}},
    {"bij,bjk->kbi", {2, 3, 4}, {2, 4, 5}},
    {"bij,bjk->bik", {1, 3, 4}, {2, 4, 5}},
    {"bnc,c->bn", {2, 3, 8}, {8}},
};

/// Two orders of adding up at most 40 products, none above 1.
constexpr double einsum_tolerance = 2.0 * 40 * 40 * epsilon;

TEST(PlanPlaced, EinsumOfTwoOperands) {
  for (const Equation& equation : equations) {
    Net net;
    const ValueId a = net.input("a", std::vector<Dim>(equation.a.begin(), equation.a.end()));
    const ValueId b = net.input("b", std::vector<Dim>(equation.b.begin(), equation.b.end()));
    net.output(net.op("Einsum", {a, b}, {{"equation", std::string(equation.text)}}));
    SCOPED_TRACE(equation.text);
    expect_planned(net, {random_tensor(equation.a, 1), random_tensor(equation.b, 2)}, einsum_tolerance);
  }
}

TEST(SpellOutEinsum, BecomesMatMul) {
  for (const Equation& equation : equations) {
    SCOPED_TRACE(equation.text);
    for (const bool constant : {false, true}) {
      Net net;
      const ValueId a = net.input("a", std::vector<Dim>(equation.a.begin(), equation.a.end()));
      const ValueId b = constant ? net.constant(random_tensor(equation.b, 2))
                                 : net.input("b", std::vector<Dim>(equation.b.begin(), equation.b.end()));
      net.output(net.op("Einsum", {a, b}, {{"equation", std::string(equation.text)}}));
      std::vector<Tensor> inputs{random_tensor(equation.a, 1)};
      if (!constant) inputs.push_back(random_tensor(equation.b, 2));
      infer_shapes(net.graph);
      Graph after = net.graph;
      testing::apply(after, {&passes::spell_out_einsum});
      testing::expect_same(net.graph, after, inputs, einsum_tolerance);
    }
  }
}

TEST(SpellOutEinsum, OfAttentionAndOfLayers) {
  const Dim batch("batch"), length("length");
  Net net;
  const ValueId q = net.input("q", {batch, 2, length, 8}), k = net.input("k", {batch, 2, length, 8});
  const ValueId x = net.input("x", {batch, length, 8});
  net.output(net.op("Einsum", {q, k}, {{"equation", std::string("bhid,bhjd->bhij")}}));
  net.output(net.op("Einsum", {x, net.weight(Shape{8, 2, 4})}, {{"equation", std::string("bsd,dhk->bshk")}}));
  testing::apply(net.graph, {&passes::spell_out_einsum});
  EXPECT_EQ(testing::count(net.graph, "Einsum"), 0) << testing::ops_of(net.graph);
  EXPECT_EQ(testing::count(net.graph, "MatMul"), 2);
  EXPECT_EQ(to_string(net.graph.value(net.graph.outputs[1]).shape), to_string(SymbolicShape{batch, length, 2, 4}));
}

TEST(SpellOutEinsum, LeavesSumsOfOneOperand) {
  Net net;
  const ValueId a = net.input("a", {3, 4}), b = net.input("b", {4, 5});
  net.output(net.op("Einsum", {a, b}, {{"equation", std::string("ij,jk->k")}}));
  const auto notes = testing::apply(net.graph, {&passes::spell_out_einsum});
  EXPECT_EQ(testing::count(net.graph, "Einsum"), 1);
  EXPECT_NE(testing::refusals(notes).find("no product"), std::string::npos);
}

}  // namespace
}  // namespace tessera
