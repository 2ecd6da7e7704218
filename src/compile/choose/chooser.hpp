// Chooser: who decides where a layer can be computed in more than one way. Lowering functions know the ways and what
// the rules of the plan would take; a chooser may know better because it has measured (engine/tuner.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compile/choose/machine.hpp"
#include "graph/graph.hpp"
#include "tessera/step_info.hpp"

namespace tessera {

/// One question about a node. Its topics are asked in a fixed order, and what follows may depend on the answer before.
struct Choice {
  std::string topic;              ///< "algorithm"
  std::vector<std::string> ways;  ///< none twice
  std::size_t usual = 0;          ///< index of what the rules of the plan take
  std::string detail;             ///< what the times depend on besides types and shapes: what is special in the weights
};

/// What the rules of the plan take.
inline StepChoice usual_choice(const Choice& choice) {
  StepChoice made{choice.topic, choice.ways[choice.usual], "model", {}};
  made.ways.reserve(choice.ways.size());
  for (const std::string& way : choice.ways) made.ways.push_back({way, 0});
  return made;
}

class Chooser {
 public:
  Chooser() = default;
  Chooser(const Chooser&) = delete;
  Chooser& operator=(const Chooser&) = delete;
  virtual ~Chooser() = default;

  /// One of choice.ways, and how that came about.
  virtual StepChoice choose(const Graph& graph, const Node& node, const Choice& choice) = 0;
  /// How many threads will run a step together; 1 where that is not known.
  [[nodiscard]] virtual int members() const noexcept { return 1; }
  /// What this machine was found to be; null where nobody has measured.
  [[nodiscard]] virtual const MachineConstants* machine() { return nullptr; }
};

}  // namespace tessera
