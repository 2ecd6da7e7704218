#include "compile/make_plan.hpp"

#include "compile/depth_first.hpp"
#include "compile/layout/builder.hpp"
#include "compile/lower/lower.hpp"
#include "compile/plan_family.hpp"
#include "compile/traffic.hpp"

namespace tessera {

std::shared_ptr<const Plan> make_plan(const Graph& bound, Isa isa, WeightStore& weights, int threads, Chooser* chooser,
                                      PlanFamily* family) {
  PlanFamily alone;
  if (family == nullptr) family = &alone;
  const Graph& graph = family->known.in(bound);
  Builder builder(graph, isa, weights, chooser, &family->epilogues);
  for (const Node& node : graph.nodes) {
    const Step* const before = builder.last_step();
    lower(builder, node);
    if (Step* const step = builder.last_step(); step != before) step->info.bytes = least_bytes(graph, node);
    join_depth_first(builder, node);
  }
  std::shared_ptr<const Plan> plan = builder.finish();
  weights.pack(threads);
  return plan;
}

}  // namespace tessera
