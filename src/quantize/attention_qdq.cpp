#include "quantize/attention_qdq.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "passes/match.hpp"

namespace tessera {
namespace {

class AttentionInsertion {
 public:
  AttentionInsertion(Graph& graph, const QuantizableLayer::Attention& attention, const RangeObserver& ranges)
      : graph_(graph), uses_(graph), attention_(attention), ranges_(ranges) {}

  void run(AttentionProducts products) {
    const int softmax = node_index(graph_, attention_.softmax);
    if (softmax < 0) return;
    const ValueId probabilities = node(softmax).outputs[0];
    const int scores = product_behind(node(softmax).inputs[0]);
    if (scores < 0 || !uses_.single_use(probabilities)) return;
    const int context = uses_.consumers(probabilities).front();
    if (node(context).op != "MatMul" || node(context).inputs[0] != probabilities) return;
    const auto q = observed(node(scores).inputs[0], attention_.q), k = observed(node(scores).inputs[1], attention_.k),
               v = observed(node(context).inputs[1], attention_.v);
    if (!q || !k || !v) return;
    put_pair(scores, 0, activation_quantization(*q));
    put_pair(scores, 1, activation_quantization(*k));
    if (products == AttentionProducts::full) {
      put_pair(context, 0, {{1.0F / 255.0F}, {0}, -1});
      put_pair(context, 1, around_zero(*v));
    }
    rewrite();
  }

 private:
  [[nodiscard]] const Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }

  /// The MatMul behind scales and an additive mask; -1: none.
  [[nodiscard]] int product_behind(ValueId value) const {
    const int index = uses_.producer(value);
    if (index < 0 || node(index).op == "MatMul") return index;
    if (node(index).op != "Add" && node(index).op != "Mul" && node(index).op != "Div") return -1;
    for (const ValueId input : node(index).inputs)
      if (const int found = product_behind(input); found >= 0) return found;
    return -1;
  }

  /// The range of an operand: that of the projection it comes from, times the constant factors on the way.
  [[nodiscard]] std::optional<ActivationRange> observed(ValueId value, const std::string& projection) const {
    double factor = 1;
    while (graph_.value(value).name != projection) {
      const int index = uses_.producer(value);
      if (index < 0) return std::nullopt;
      const Node& step = node(index);
      std::size_t input = 0;
      if (step.op == "Mul" || step.op == "Div") {
        const auto left = passes::scalar(graph_, step.inputs[0]), right = passes::scalar(graph_, step.inputs[1]);
        if (right && step.op == "Div")
          factor /= *right;
        else if (right || (left && step.op == "Mul"))
          factor *= right ? *right : *left;
        else
          return std::nullopt;
        input = right ? 0 : 1;
      } else if (step.op != "Transpose" && step.op != "Reshape") {
        return std::nullopt;
      }
      value = step.inputs[input];
    }
    ActivationRange range = ranges_.of(projection);
    range.low = static_cast<float>(range.low * factor);
    range.high = static_cast<float>(range.high * factor);
    if (factor < 0) std::swap(range.low, range.high);
    return range;
  }

  /// 128 stands for zero: the zero point then costs the product of probabilities and V nothing.
  static Quantization around_zero(const ActivationRange& range) {
    const float largest = std::max(std::fabs(range.low), std::fabs(range.high));
    return {{largest > 0 ? largest / 127.0F : 1.0F}, {128}, -1};
  }

  void put_pair(int index, std::size_t input, const Quantization& q) {
    const ValueId id = node(index).inputs[input];
    const std::string name = graph_.value(id).name;
    const SymbolicShape shape = graph_.value(id).shape;
    const ValueId scale = graph_.add_constant(name + "_scale", Tensor::scalar(q.scale[0]));
    const ValueId zero =
        graph_.add_constant(name + "_zero_point", Tensor::scalar(static_cast<std::uint8_t>(q.zero_point[0])));
    const ValueId integers = graph_.add_value(name + "_quantized", DataType::u8, shape);
    const ValueId reals = graph_.add_value(name + "_dequantized", DataType::f32, shape);
    std::vector<Node>& before = before_[index];
    before.push_back({"QuantizeLinear", graph_.value(integers).name, {id, scale, zero}, {integers}, {}});
    before.push_back({"DequantizeLinear", graph_.value(reals).name, {integers, scale, zero}, {reals}, {}});
    graph_.nodes[static_cast<std::size_t>(index)].inputs[input] = reals;
  }

  void rewrite() {
    std::vector<Node> nodes;
    nodes.reserve(graph_.nodes.size() + 8);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (Node& pair : before_[static_cast<int>(i)]) nodes.push_back(std::move(pair));
      nodes.push_back(std::move(graph_.nodes[i]));
    }
    graph_.nodes = std::move(nodes);
  }

  Graph& graph_;
  Uses uses_;
  const QuantizableLayer::Attention& attention_;
  const RangeObserver& ranges_;
  std::map<int, std::vector<Node>> before_;  // node -> what comes in front of it
};

}  // namespace

void insert_attention_qdq(Graph& graph, const QuantizableLayer::Attention& attention, const RangeObserver& ranges,
                          AttentionProducts products) {
  AttentionInsertion(graph, attention, ranges).run(products);
}

}  // namespace tessera
