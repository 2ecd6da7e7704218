// The text dump of a graph: three columns (value, type, shape) and the op with its operands. Constants stand where they
// are used, with their elements when these are few.
#include <algorithm>
#include <array>
#include <charconv>

#include "graph/graph.hpp"

namespace tessera {

namespace {

constexpr std::int64_t max_elements = 8;  // of a constant that is listed
constexpr std::size_t max_column = 44;    // a longer name pushes its own line only

std::string element_text(float value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end};
}

template <typename T>
std::string elements_text(const Tensor& tensor) {
  std::string text;
  for (const T element : tensor.as<T>()) {
    if (!text.empty()) text += ", ";
    if constexpr (std::is_same_v<T, float> || std::is_same_v<T, bfloat16>)
      text += element_text(static_cast<float>(element));
    else if constexpr (std::is_same_v<T, bool>)
      text += element ? "true" : "false";
    else
      text += std::to_string(element);
  }
  return "{" + text + "}";
}

std::string elements_text(const Tensor& tensor) {
  switch (tensor.type()) {
    case DataType::f32: return elements_text<float>(tensor);
    case DataType::bf16: return elements_text<bfloat16>(tensor);
    case DataType::u8: return elements_text<std::uint8_t>(tensor);
    case DataType::s8: return elements_text<std::int8_t>(tensor);
    case DataType::s16: return elements_text<std::int16_t>(tensor);
    case DataType::s32: return elements_text<std::int32_t>(tensor);
    case DataType::i64: return elements_text<std::int64_t>(tensor);
    case DataType::boolean: return elements_text<bool>(tensor);
  }
  return {};
}

struct Line {
  std::string name, type, shape, rest;
};

class Listing {
 public:
  explicit Listing(const Graph& graph) : graph_(graph) {
    for (const ValueId id : graph.inputs) inputs_.push_back(line(id, note(graph.value(id))));
    for (const Node& node : graph.nodes) add(node);
    for (const ValueId id : graph.outputs) outputs_.push_back(line(id, {}));
    widen(inputs_);
    widen(nodes_);
    widen(outputs_);
  }

  [[nodiscard]] std::string text() const {
    std::string text = "graph " + (graph_.name.empty() ? "(unnamed)" : graph_.name) + ", opset " +
                       std::to_string(graph_.opset) + ", " + std::to_string(graph_.nodes.size()) + " nodes\n";
    write(text, "inputs", inputs_);
    write(text, "nodes", nodes_);
    write(text, "outputs", outputs_);
    return text;
  }

 private:
  [[nodiscard]] Line line(ValueId id, std::string rest) const {
    const Value& value = graph_.value(id);
    return {value.name, std::string(name_of(value.type)), to_string(value.shape), std::move(rest)};
  }

  void add(const Node& node) {
    bool first = true;
    for (const ValueId id : node.outputs) {
      if (id == no_value) continue;
      std::string rest = first ? "= " + call(node) : "  and the line above";
      rest += note(graph_.value(id));
      // Exporters name the output after the node; the node's own name is worth showing only where it adds something.
      if (first && !node.name.empty() && !graph_.value(id).name.starts_with(node.name)) rest += "  # " + node.name;
      nodes_.push_back(line(id, std::move(rest)));
      first = false;
    }
  }

  [[nodiscard]] std::string call(const Node& node) const {
    std::string text = node.op + "(";
    for (std::size_t i = 0; i < node.inputs.size(); ++i) text += (i == 0 ? "" : ", ") + operand(node.inputs[i]);
    text += ")";
    if (node.attributes.empty()) return text;
    text += " {";
    bool first = true;
    for (const auto& [key, attribute] : node.attributes) {
      text += (first ? "" : ", ") + key + "=" + to_string(attribute);
      first = false;
    }
    return text + "}";
  }

  [[nodiscard]] std::string operand(ValueId id) const {
    if (id == no_value) return "-";
    const Value& value = graph_.value(id);
    if (!value.is_constant()) return value.name;
    const std::string typed = value.name + ": " + std::string(name_of(value.type)) + to_string(value.shape);
    return value.constant.shape().elements() > max_elements ? typed : typed + " " + elements_text(value.constant);
  }

  [[nodiscard]] static std::string note(const Value& value) {
    std::string text;
    if (value.extents) text += "  # holds " + to_string(SymbolicShape(*value.extents));
    if (!value.quantization || value.quantization->scale.empty()) return text;
    const Quantization& quantization = *value.quantization;
    if (!quantization.per_tensor()) return text + "  # quantized along axis " + std::to_string(quantization.axis);
    text += "  # quantized, scale " + element_text(quantization.scale[0]);
    if (!quantization.zero_point.empty()) text += ", zero point " + std::to_string(quantization.zero_point[0]);
    return text;
  }

  void widen(const std::vector<Line>& lines) {
    for (const Line& line : lines) {
      name_width_ = std::max(name_width_, std::min(line.name.size(), max_column));
      shape_width_ = std::max(shape_width_, std::min(line.shape.size(), max_column));
    }
  }

  void write(std::string& text, const char* heading, const std::vector<Line>& lines) const {
    text += heading;
    text += "\n";
    const auto column = [&](const std::string& entry, std::size_t width) {
      text += entry;
      text.append(entry.size() < width ? width - entry.size() : 0, ' ');
      text += "  ";
    };
    for (const Line& line : lines) {
      text += "  ";
      column(line.name, name_width_);
      column(line.type, 4);
      column(line.shape, shape_width_);
      text += line.rest;
      text.erase(text.find_last_not_of(' ') + 1);
      text += "\n";
    }
  }

  const Graph& graph_;
  std::vector<Line> inputs_, nodes_, outputs_;
  std::size_t name_width_ = 0, shape_width_ = 0;
};

}  // namespace

std::string to_text(const Graph& graph) {
  return Listing(graph).text();
}

}  // namespace tessera
