#include "compile/make_plan.hpp"

#include "compile/known_values.hpp"
#include "compile/layout/builder.hpp"
#include "compile/lower/lower.hpp"
#include "compile/traffic.hpp"

namespace tessera {

std::shared_ptr<const Plan> make_plan(const Graph& bound, Isa isa, WeightStore& weights, int threads,
                                      Chooser* chooser) {
  const Graph graph = with_known_values(bound);
  Builder builder(graph, isa, weights, chooser);
  for (const Node& node : graph.nodes) {
    const Step* const before = builder.last_step();
    lower(builder, node);
    if (Step* const step = builder.last_step(); step != before) step->info.bytes = least_bytes(graph, node);
  }
  std::shared_ptr<const Plan> plan = builder.finish();
  weights.pack(threads);
  return plan;
}

}  // namespace tessera
