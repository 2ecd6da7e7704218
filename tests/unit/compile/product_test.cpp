// MatMul of two computed operands in plans: against evaluate(), the same bits on every tier and with any number of
// threads, under every kind of broadcasting of items.
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::epsilon;
using testing::Net;
using testing::random_tensor;
using testing::run_plan;
using testing::same_bits;
using testing::tiers_here;

struct Factors {
  Shape a, b;
};
const Factors factors[] = {
    {{7, 5}, {5, 9}},
    {{2, 3, 50, 33}, {2, 3, 33, 17}},
    {{2, 1, 4, 16}, {3, 16, 40}},
    {{1, 1, 3, 8}, {4, 2, 8, 1}},
    {{6, 100, 8}, {8, 70}},
    {{3, 1, 1}, {3, 1, 1}},
};

TEST(PlanProduct, EqualsEvaluateOnEveryTier) {
  for (const Factors& product : factors) {
    Net net;
    const ValueId a = net.input("a", std::vector<Dim>(product.a.begin(), product.a.end()));
    const ValueId b = net.input("b", std::vector<Dim>(product.b.begin(), product.b.end()));
    net.output(net.op("MatMul", {a, b}));
    infer_shapes(net.graph);
    const std::vector<Tensor> inputs{random_tensor(product.a, 1), random_tensor(product.b, 2)};
    const Tensor expected = evaluate(net.graph, inputs)[0];
    // Two orders of adding up as many factors, none above 1.
    const double tolerance = 2 * static_cast<double>(product.a.dims().back() * product.a.dims().back()) * epsilon;
    std::vector<Tensor> first;
    for (const Isa isa : tiers_here()) {
      WeightStore store;
      ASSERT_NE(make_plan(net.graph, isa, store)->steps.front()->info.kernel, "reference");
      for (const int threads : {1, 3}) {
        WeightStore weights;
        const auto y = run_plan(net.graph, inputs, isa, threads, weights);
        for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
          ASSERT_NEAR(y[0].as<float>()[i], expected.as<float>()[i], tolerance) << name_of(isa);
        if (first.empty()) first = y;
        EXPECT_TRUE(same_bits(first[0], y[0])) << name_of(isa);
      }
    }
  }
}

}  // namespace
}  // namespace tessera
