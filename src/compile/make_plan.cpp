#include "compile/make_plan.hpp"

#include "compile/layout/builder.hpp"
#include "compile/lower/lower.hpp"

namespace tessera {

std::shared_ptr<const Plan> make_plan(const Graph& graph, Isa isa, WeightStore& weights, int threads,
                                      Chooser* chooser) {
  Builder builder(graph, isa, weights, chooser);
  for (const Node& node : graph.nodes) lower(builder, node);
  std::shared_ptr<const Plan> plan = builder.finish();
  weights.pack(threads);
  return plan;
}

}  // namespace tessera
