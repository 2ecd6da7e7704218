#include "formats/onnx_qoperator.hpp"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "ops/helpers.hpp"

namespace tessera {
namespace {

constexpr std::string_view microsoft = "com.microsoft";

/// One quantized operator and the nodes that take its place.
class Expansion {
 public:
  Expansion(Graph& graph, Node node) : graph_(graph), node_(std::move(node)) {}

  [[nodiscard]] const Node& node() const noexcept { return node_; }
  [[nodiscard]] std::vector<Node> take() { return std::move(nodes_); }

  /// The reals behind inputs i (integers), i + 1 (scale) and i + 2 (zero point). `axis` counts where scales are many.
  ValueId real(std::size_t i, std::int64_t axis = 1) {
    return dequantize(node_.input(i), node_.input(i + 1), node_.input(i + 2), axis);
  }

  ValueId dequantize(ValueId integers, ValueId scale, ValueId zero_point, std::int64_t axis) {
    std::vector<ValueId> inputs{integers, scale};
    if (zero_point != no_value) inputs.push_back(zero_point);
    return append("DequantizeLinear", "dequantized", std::move(inputs), {{"axis", axis}});
  }

  /// s32 bias: its scale is the product of the operands' scales and `factor`.
  ValueId bias(std::size_t i, ValueId a_scale, ValueId b_scale, float factor = 1.0F) {
    if (!node_.has_input(i)) return no_value;
    ValueId scale = append("Mul", "bias_scale", {a_scale, b_scale});
    if (factor != 1.0F)
      scale = append("Mul", "scaled_bias_scale",
                     {scale, graph_.add_constant(node_.name + "_alpha", Tensor::scalar(factor))});
    return dequantize(node_.inputs[i], scale, no_value, 0);
  }

  /// The float op, under the name of the quantized one, and its result in integers by inputs i (scale) and i + 1.
  void finish(const char* op, std::vector<ValueId> inputs, std::size_t i, std::int64_t axis = 1) {
    while (!inputs.empty() && inputs.back() == no_value) inputs.pop_back();
    if (!node_.has_input(i)) {  // QGemm may leave its result in f32
      nodes_.push_back({op, node_.name, std::move(inputs), node_.outputs, node_.attributes});
      return;
    }
    const ValueId result = graph_.add_value(node_.name + "_real", DataType::f32);
    nodes_.push_back({op, node_.name, std::move(inputs), {result}, node_.attributes});
    std::vector<ValueId> quantize{result, node_.inputs[i]};
    if (node_.has_input(i + 1)) quantize.push_back(node_.inputs[i + 1]);
    nodes_.push_back(
        {"QuantizeLinear", node_.name + "_quantize", std::move(quantize), node_.outputs, {{"axis", axis}}});
  }

  /// An attribute that the float op does not have: taken off after its value was looked at.
  template <typename T>
  T take_attribute(std::string_view key, T fallback) {
    T value = node_.attribute_or(key, std::move(fallback));
    if (const auto found = node_.attributes.find(key); found != node_.attributes.end()) node_.attributes.erase(found);
    return value;
  }
  /// NHWC variants of ops exist inside ONNX Runtime only.
  void refuse_channels_last() {
    if (take_attribute<std::int64_t>("channels_last", 0) != 0)
      node_error(node_, "attribute channels_last is set; only [batch, channels, height, width] is supported",
                 "quantize the model again without layout optimization");
  }
  void set_attribute(const std::string& key, Attribute value) { node_.attributes[key] = std::move(value); }

 private:
  ValueId append(const char* op, const char* what, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const std::string name = node_.name + "_" + what + std::to_string(nodes_.size());
    const ValueId id = graph_.add_value(name, DataType::f32);
    nodes_.push_back({op, name, std::move(inputs), {id}, std::move(attributes)});
    return id;
  }

  Graph& graph_;
  Node node_;
  std::vector<Node> nodes_;
};

void expand_conv(Expansion& e) {
  e.refuse_channels_last();
  const ValueId x = e.real(0), w = e.real(3, 0);
  e.finish("Conv", {x, w, e.bias(8, e.node().inputs[1], e.node().inputs[4])}, 6);
}

/// Scales of A and Y may go by row, those of B by column.
void expand_matmul(Expansion& e) {
  const ValueId a = e.real(0, -2), b = e.real(3, -1);
  e.finish("MatMul", {a, b}, 6, -2);
}

void expand_gemm(Expansion& e) {
  const bool transposed = e.node().attribute_or<std::int64_t>("transB", 0) != 0;
  const auto alpha = e.node().attribute_or<float>("alpha", 1.0F);
  const ValueId a = e.real(0, e.node().attribute_or<std::int64_t>("transA", 0) != 0 ? 1 : 0);
  const ValueId b = e.real(3, transposed ? 0 : 1);
  e.finish("Gemm", {a, b, e.bias(6, e.node().inputs[1], e.node().inputs[4], alpha)}, 7);
}

template <const char* op>
void expand_unary(Expansion& e) {
  const ValueId x = e.real(0);
  e.finish(op, {x}, 3);
}

template <const char* op>
void expand_pool(Expansion& e) {
  e.refuse_channels_last();
  expand_unary<op>(e);
}

template <const char* op>
void expand_binary(Expansion& e) {
  const ValueId a = e.real(0), b = e.real(3);
  e.finish(op, {a, b}, 6);
}

/// Before opset 13 Softmax joined all axes from `axis` on; for the last one that is the same.
void expand_softmax(Expansion& e) {
  const auto opset = e.take_attribute<std::int64_t>("opset", 13);
  if (opset < 13 && e.node().attribute_or<std::int64_t>("axis", 1) != -1)
    node_error(e.node(), "it follows opset " + std::to_string(opset) + " along an axis that is not given as the last",
               "convert the model to opset 13 before it is quantized");
  if (e.node().find_attribute<std::int64_t>("axis") == nullptr) e.set_attribute("axis", std::int64_t{-1});
  const ValueId x = e.real(0);
  e.finish("Softmax", {x}, 3);
}

void expand_concat(Expansion& e) {
  std::vector<ValueId> parts;
  for (std::size_t i = 2; i + 1 < e.node().inputs.size(); i += 3) parts.push_back(e.real(i));
  e.finish("Concat", std::move(parts), 0);
}

void expand_where(Expansion& e) {
  const ValueId x = e.real(1), y = e.real(4);
  e.finish("Where", {e.node().inputs[0], x, y}, 7);
}

constexpr char add[] = "Add", mul[] = "Mul", average_pool[] = "AveragePool", sigmoid[] = "Sigmoid",
               leaky_relu[] = "LeakyRelu", reduce_mean[] = "ReduceMean", global_pool[] = "GlobalAveragePool";

/// Input numbers as bits.
constexpr std::uint32_t bits(std::initializer_list<int> inputs) {
  std::uint32_t set = 0;
  for (const int i : inputs) set |= 1U << i;
  return set;
}
constexpr std::uint32_t unary = bits({0, 1, 3}), binary = bits({0, 1, 3, 4, 6});

struct Entry {
  std::string_view domain, op;
  std::uint32_t required;  ///< the rest are zero points, biases, and QGemm's output scale
  void (*expand)(Expansion&);
};

constexpr std::array entries = {
    Entry{"", "QLinearConv", binary, expand_conv},
    Entry{microsoft, "QLinearConv", binary, expand_conv},
    Entry{"", "QLinearMatMul", binary, expand_matmul},
    Entry{microsoft, "QGemm", bits({0, 1, 3, 4}), expand_gemm},
    Entry{microsoft, "QLinearAdd", binary, expand_binary<add>},
    Entry{microsoft, "QLinearMul", binary, expand_binary<mul>},
    Entry{microsoft, "QLinearAveragePool", unary, expand_pool<average_pool>},
    Entry{microsoft, "QLinearGlobalAveragePool", unary, expand_pool<global_pool>},
    Entry{microsoft, "QLinearSigmoid", unary, expand_unary<sigmoid>},
    Entry{microsoft, "QLinearLeakyRelu", unary, expand_unary<leaky_relu>},
    Entry{microsoft, "QLinearReduceMean", unary, expand_unary<reduce_mean>},
    Entry{microsoft, "QLinearSoftmax", unary, expand_softmax},
    Entry{microsoft, "QLinearConcat", bits({0, 2, 3}), expand_concat},
    Entry{microsoft, "QLinearWhere", bits({0, 1, 2, 4, 5, 7}), expand_where},
};

const Entry* find_entry(std::string_view op) noexcept {
  for (const Entry& entry : entries)
    if (entry.op == op) return &entry;
  return nullptr;
}

void require_inputs(const Node& node, const Entry& entry) {
  if (node.outputs.size() != 1) node_error(node, "it has " + std::to_string(node.outputs.size()) + " outputs, not 1");
  for (std::size_t i = 0; i < 32; ++i)
    if ((entry.required >> i & 1U) != 0 && !node.has_input(i))
      node_error(node, "required input " + std::to_string(i) + " is missing");
}

}  // namespace

bool is_qoperator(std::string_view domain, std::string_view op) noexcept {
  for (const Entry& entry : entries)
    if (entry.domain == domain && entry.op == op) return true;
  return false;
}

void expand_qoperators(Graph& graph) {
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    const Entry* entry = find_entry(node.op);
    if (entry == nullptr) {
      nodes.push_back(std::move(node));
      continue;
    }
    require_inputs(node, *entry);
    Expansion expansion(graph, std::move(node));
    entry->expand(expansion);
    for (Node& part : expansion.take()) {
      check_node(part);
      nodes.push_back(std::move(part));
    }
  }
  graph.nodes = std::move(nodes);
}

}  // namespace tessera
