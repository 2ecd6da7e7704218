// PlanCache: the plans of one graph for the extents that requests come with. A plan is made when its extents are first
// seen; what was not used for longest goes when all together pass a bound.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "compile/plan_family.hpp"
#include "engine/batch_split.hpp"
#include "engine/bound_graph.hpp"

namespace tessera {

/// How a graph is run for certain extents. Immutable; streams share it.
struct ShapedPlan {
  BatchPlans plans;
  BatchSplit split;
  std::vector<Binding> bindings;
  std::string largest;             ///< the value that takes the most memory, for messages
  std::size_t constant_bytes = 0;  ///< of constants that hold for these extents only
};

struct PlanSettings {
  Isa isa = Isa::avx2;
  int threads = 1;  ///< of the team that runs the plans
  Topology topology = {};
  bool split_batch = true;  ///< whether a batch may go through in parts (decision 27)
  std::size_t most_bytes = std::size_t{64} << 20;
};

class PlanCache {
 public:
  /// Shapes of the graph are symbolic. `weights` outlives the cache: packed weights stay there when a plan goes.
  PlanCache(Graph graph, PlanSettings settings, WeightStore& weights);

  /// The plan for these extents; the first call for them makes it. `tuner` may decide about its layers. Thread-safe.
  /// Error{invalid} when the graph cannot be run with them.
  std::shared_ptr<const ShapedPlan> get(const std::vector<Binding>& bindings, Tuner* tuner = nullptr);

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t count() const;

 private:
  struct Entry {
    std::shared_ptr<const ShapedPlan> plan;
    std::size_t bytes = 0;
  };

  std::shared_ptr<const ShapedPlan> make(const std::vector<Binding>& bindings, Tuner* tuner);
  void evict();

  const Graph graph_;
  const PlanSettings settings_;
  WeightStore& weights_;
  mutable std::mutex mutex_;
  BoundGraph batch_, part_;  ///< the graph with the extents of the plan that is being made
  PlanFamily family_;
  std::list<Entry> entries_;  ///< the one used last in front
  std::size_t bytes_ = 0;
};

/// About how much memory a plan takes by itself, without weights that other plans share.
std::size_t bytes_of(const ShapedPlan& plan);

}  // namespace tessera
