// Layers that a file wants in bf16. ONNX has no such statement, but two nodes say the same and any runtime computes
// what they say: Cast to bfloat16 and Cast back in front of a layer's input, beside weights that are bf16 numbers.
//   - the layer reads the bf16 value itself: its kernel multiplies bf16 by bf16 and sums in f32;
//   - what computes the value writes bf16 itself where only the Cast reads it.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "passes/bf16.hpp"
#include "passes/passes.hpp"
#include "passes/rewrite.hpp"
#include "tessera/bfloat16.hpp"
#include "tessera/tensor.hpp"

namespace tessera::passes {
namespace {

bool is_bf16(const Tensor& tensor) {
  return std::ranges::all_of(tensor.as<float>(), [](float x) { return static_cast<float>(bfloat16(x)) == x; });
}

class Bf16Products {
 public:
  Bf16Products(Graph& graph, std::vector<PassNote>& notes) : graph_(graph), rewriter_(graph, "bf16_products", notes) {}

  int run() {
    for (std::size_t i = 0; i < rewriter_.size(); ++i) {
      const std::string_view op = rewriter_.node(i).op;
      if (op == "FusedConv" || op == "FusedMatMul") read_bf16(i);
    }
    if (rewriter_.count() == 0) return 0;
    for (std::size_t i = 0; i < rewriter_.size(); ++i)
      if (rewriter_.node(i).op == "Cast" && type_of(rewriter_.node(i).outputs[0]) == DataType::bf16) write_bf16(i);
    return rewriter_.count();
  }

 private:
  DataType type_of(ValueId id) const { return graph_.value(id).type; }

  void read_bf16(std::size_t index) {
    const Node& node = rewriter_.node(index);
    const Node* widen = rewriter_.producer(node.inputs[0], "Cast");
    if (widen == nullptr || type_of(widen->inputs[0]) != DataType::bf16) return;
    const Tensor& weights = graph_.value(node.inputs[1]).constant;
    if (weights.empty() || weights.type() != DataType::f32)
      return rewriter_.decline(node, "its weights are no f32 constants");
    if (!is_bf16(weights)) return rewriter_.decline(node, "its weights are not bf16 numbers");
    std::vector<ValueId> inputs = node.inputs;
    inputs[0] = widen->inputs[0];
    rewriter_.replace(index, {node.op, node.name, inputs, node.attributes}, "reads bf16");
  }

  void write_bf16(std::size_t index) {
    const Node& cast = rewriter_.node(index);
    const ValueId source = cast.inputs[0];
    const int made_by = rewriter_.uses().producer(source);
    if (made_by < 0 || type_of(source) != DataType::f32 || !rewriter_.uses().single_use(source)) return;
    const Node& producer = rewriter_.node(static_cast<std::size_t>(made_by));
    if (!can_write_bf16(producer)) return;
    rewriter_.replace(index, {producer.op, producer.name, producer.inputs, producer.attributes}, "writes bf16");
  }

  Graph& graph_;
  Rewriter rewriter_;
};

}  // namespace

int fuse_bf16_products(Graph& graph, std::vector<PassNote>& notes) {
  return Bf16Products(graph, notes).run();
}

}  // namespace tessera::passes
