// Runs a graph through plan and executor, as a session does, for the tests of both.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "compile/choose/chooser.hpp"
#include "compile/make_plan.hpp"
#include "cpu/features.hpp"
#include "run/executor.hpp"
#include "unit/passes/support.hpp"

namespace tessera::testing {

/// Outputs of the planned graph; inputs in graph.inputs order.
inline std::vector<Tensor> run_plan(const Graph& graph, const std::vector<Tensor>& inputs, Isa isa, int threads,
                                    WeightStore& weights) {
  Executor executor(make_plan(graph, isa, weights), threads, {});
  for (std::size_t i = 0; i < inputs.size(); ++i)
    std::memcpy(executor.inputs()[i].data, inputs[i].data(), inputs[i].bytes());
  executor.infer();
  // A second inference must find the memory as the first one did: halos, accumulators, inputs.
  executor.infer();
  std::vector<Tensor> outputs;
  for (const BoundPort& port : executor.outputs()) {
    Tensor tensor(port.type, port.shape);
    std::memcpy(tensor.mutable_data(), port.data, tensor.bytes());
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

/// Takes one way wherever it is offered.
class Insists final : public Chooser {
 public:
  explicit Insists(std::string way) : way_(std::move(way)) {}
  StepChoice choose(const Graph&, const Node&, const Choice& choice) override {
    Choice made = choice;
    const auto wanted = std::ranges::find(choice.ways, way_);
    if (wanted != choice.ways.end()) made.usual = static_cast<std::size_t>(wanted - choice.ways.begin());
    return usual_choice(made);
  }

 private:
  std::string way_;
};

inline std::vector<Isa> tiers_here() {
  std::vector<Isa> tiers;
  for (const Isa isa : all_isas)
    if (!why_unavailable(cpu_features(), isa)) tiers.push_back(isa);
  return tiers;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.type() == b.type() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

}  // namespace tessera::testing
