// Nodes that compute the same from the same become one: exporters write the mask of attention, and the shapes that lead
// to it, into every layer anew. Only what goes into masks and shapes is looked at; activations are never computed
// twice, and the patterns of later passes ask for values with one reader.
#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "passes/passes.hpp"
#include "passes/rewrite.hpp"

namespace tessera::passes {
namespace {

/// Ops that make f32 masks; whatever makes something else than floats counts too.
constexpr std::array<std::string_view, 7> mask_ops{"Where", "Expand", "Cast", "Unsqueeze", "Sub", "Mul", "Add"};
constexpr std::size_t small_constant = 256;  // bytes; larger ones are weights

/// Tensors among them are not looked into.
bool same_attributes(const Attributes& a, const Attributes& b) {
  return std::ranges::equal(a, b, [](const auto& left, const auto& right) {
    return left.first == right.first && std::visit(
                                            [&](const auto& value) {
                                              using Type = std::decay_t<decltype(value)>;
                                              if constexpr (std::is_same_v<Type, Tensor>)
                                                return false;
                                              else {
                                                const Type* other = std::get_if<Type>(&right.second);
                                                return other != nullptr && *other == value;
                                              }
                                            },
                                            left.second);
  });
}

class EqualNodes {
 public:
  explicit EqualNodes(Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  void merge() {
    for (std::size_t i = 0; i < rewriter_.size(); ++i) {
      const Node& node = rewriter_.node(i);
      if (!is_candidate(node)) continue;
      std::vector<ValueId> inputs;
      for (const ValueId input : node.inputs) inputs.push_back(representative(input));
      auto& alike = seen_[{node.op, inputs}];
      // Of nodes seen before, those that only a merged node read are gone.
      const auto same = std::ranges::find_if(alike, [&](std::size_t other) {
        const Node& earlier = rewriter_.node(other);
        return !earlier.op.empty() && same_attributes(earlier.attributes, node.attributes);
      });
      if (same == alike.end()) {
        alike.push_back(i);
      } else {
        const Node& first = rewriter_.node(*same);
        rewriter_.bypass(i, first.outputs[0], "computes what " + first.name + " does");
      }
    }
  }

 private:
  bool is_candidate(const Node& node) const {
    if (node.op.empty() || node.outputs.size() != 1 || rewriter_.uses().is_output(node.outputs[0])) return false;
    return graph_.value(node.outputs[0]).type != DataType::f32 ||
           std::ranges::find(mask_ops, node.op) != mask_ops.end();
  }

  /// The first of all small constants with the same elements.
  ValueId representative(ValueId id) {
    if (id == no_value) return id;
    const Tensor& constant = graph_.value(id).constant;
    if (constant.empty() || constant.bytes() > small_constant) return id;
    const std::string_view bytes(reinterpret_cast<const char*>(constant.data()), constant.bytes());
    return constants_.emplace(std::tuple{constant.type(), to_string(constant.shape()), std::string(bytes)}, id)
        .first->second;
  }

  Rewriter& rewriter_;
  const Graph& graph_;
  std::map<std::pair<std::string, std::vector<ValueId>>, std::vector<std::size_t>> seen_;
  std::map<std::tuple<DataType, std::string, std::string>, ValueId> constants_;
};

}  // namespace

int merge_equal(Graph& graph, std::vector<PassNote>& notes) {
  Rewriter rewriter(graph, "merge_equal", notes);
  EqualNodes(rewriter).merge();
  return rewriter.count();
}

}  // namespace tessera::passes
