// The invariants of a graph, checked after reading a file and, in tests, after every pass.
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/error.hpp"
#include "graph/graph.hpp"

namespace tessera {

namespace {

class Validator {
 public:
  explicit Validator(const Graph& graph) : graph_(graph), defined_(graph.values.size(), false) {}

  void run() {
    check_values();
    for (const ValueId id : graph_.inputs) define_input(id);
    for (const Node& node : graph_.nodes) check(node);
    for (const ValueId id : graph_.outputs) {
      check_range(id, "graph " + graph_.name, "output");
      if (!defined(id)) fail("output " + graph_.value(id).name, "no node computes it", remedy);
    }
  }

 private:
  static constexpr const char* remedy = "report this: a reader or a pass left the graph inconsistent";

  void check_values() {
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      if (!names.insert(value.name).second) fail("value " + value.name, "the name is used twice", remedy);
      if (!value.is_constant()) continue;
      defined_[i] = true;
      if (value.type != value.constant.type() || !(value.shape == SymbolicShape(value.constant.shape())))
        fail("constant " + value.name, "its type or shape differs from its elements'", remedy);
    }
  }

  void define_input(ValueId id) {
    check_range(id, "graph " + graph_.name, "input");
    const std::string what = "input " + graph_.value(id).name;
    if (defined(id)) fail(what, "it is listed twice or also a constant", remedy);
    defined_[static_cast<std::size_t>(id)] = true;
  }

  void check(const Node& node) {
    const std::string what = "node " + node.name + " (" + node.op + ")";
    if (!node_names_.insert(node.name).second) fail(what, "another node has the same name", remedy);
    for (const ValueId id : node.inputs) {
      if (id == no_value) continue;
      check_range(id, what, "input");
      if (!defined(id)) fail(what, "its input " + graph_.value(id).name + " is not computed before it", remedy);
    }
    for (const ValueId id : node.outputs) {
      if (id == no_value) continue;
      check_range(id, what, "output");
      if (defined(id)) fail(what, "its output " + graph_.value(id).name + " already has a producer", remedy);
      defined_[static_cast<std::size_t>(id)] = true;
    }
  }

  void check_range(ValueId id, const std::string& what, const std::string& role) const {
    if (id < 0 || static_cast<std::size_t>(id) >= graph_.values.size())
      fail(what, role + " " + std::to_string(id) + " is not a value of the graph", remedy);
  }

  [[nodiscard]] bool defined(ValueId id) const { return defined_[static_cast<std::size_t>(id)]; }

  const Graph& graph_;
  std::vector<bool> defined_;
  std::unordered_set<std::string_view> node_names_;
};

}  // namespace

void Graph::validate() const {
  Validator(*this).run();
}

}  // namespace tessera
