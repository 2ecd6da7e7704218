#include "formats/graph_record.hpp"

#include <string>
#include <utility>
#include <variant>

#include "core/error.hpp"

namespace tessera {
namespace {

// The kinds of attributes, in the order of the variant Attribute.
enum RecordKind : std::uint8_t { integer, real, text, integers, reals, tensor };

JsonValue record_of(const Dim& dim) {
  if (dim.known()) return dim.value();
  if (dim.symbolic()) return dim.symbol();
  return {};
}

JsonValue record_of(const std::vector<Dim>& dims) {
  JsonValue::Array list;
  for (const Dim& dim : dims) list.push_back(record_of(dim));
  return list;
}

JsonValue record_of(const Attribute& attribute, const PutTensor& put) {
  return std::visit(
      [&](const auto& value) {
        const std::size_t kind = attribute.index();
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Tensor>)
          return JsonValue::Array{kind, put(value)};
        else
          return JsonValue::Array{kind, JsonValue(value)};
      },
      attribute);
}

JsonValue record_of(const Value& value, const PutTensor& put) {
  JsonValue::Object record{{"name", value.name}, {"type", static_cast<int>(value.type)}};
  if (value.shape.ranked) record.push_back({"shape", record_of(value.shape.dims)});
  if (value.is_constant()) record.push_back({"constant", put(value.constant)});
  if (value.extents) record.push_back({"extents", record_of(*value.extents)});
  if (const auto& quantization = value.quantization) {
    const auto channels = static_cast<std::int64_t>(quantization->scale.size());
    record.push_back({"scale", put(Tensor::from<float>(Shape{channels}, quantization->scale))});
    record.push_back({"zero_point", put(Tensor::from<std::int32_t>(Shape{channels}, quantization->zero_point))});
    record.push_back({"axis", quantization->axis});
  }
  return record;
}

JsonValue record_of(const Node& node, const PutTensor& put) {
  JsonValue::Object record{
      {"op", node.op}, {"name", node.name}, {"inputs", JsonValue(node.inputs)}, {"outputs", JsonValue(node.outputs)}};
  JsonValue::Object attributes;
  for (const auto& [name, attribute] : node.attributes) attributes.push_back({name, record_of(attribute, put)});
  if (!attributes.empty()) record.push_back({"attributes", std::move(attributes)});
  return record;
}

Dim dim_of(const JsonValue& record) {
  if (record.is_null()) return {};
  return record.is_string() ? Dim(record.string()) : Dim(record.get<std::int64_t>());
}

std::vector<Dim> dims_of(const JsonValue& record) {
  std::vector<Dim> dims;
  for (const JsonValue& dim : record.elements()) dims.push_back(dim_of(dim));
  return dims;
}

Attribute attribute_of(const JsonValue& record, const GetTensor& get) {
  const JsonValue& held = record.at(1);
  switch (record.at(0).get<int>()) {
    case integer: return held.get<std::int64_t>();
    case real: return held.get<float>();
    case text: return held.get<std::string>();
    case integers: return held.get<std::vector<std::int64_t>>();
    case reals: return held.get<std::vector<float>>();
    default: return get(held.get<std::size_t>());
  }
}

template <typename T>
std::vector<T> elements_of(const Tensor& tensor, DataType type, const std::string& what) {
  if (tensor.type() != type)
    reject(what, "holds numbers of another type than they are needed in", "compile the model again");
  const auto elements = tensor.as<T>();
  return {elements.begin(), elements.end()};
}

Value value_of(const JsonValue& record, const GetTensor& get, const std::string& what) {
  Value value;
  value.name = record.at("name").get<std::string>();
  value.type = element_type_of(record.at("type"), what);
  if (const JsonValue* const shape = record.find("shape")) value.shape = SymbolicShape(dims_of(*shape));
  if (const JsonValue* const constant = record.find("constant")) value.constant = get(constant->get<std::size_t>());
  if (const JsonValue* const extents = record.find("extents")) value.extents = dims_of(*extents);
  if (const JsonValue* const scales = record.find("scale")) {
    const Tensor scale = get(scales->get<std::size_t>()), zero_point = get(record.at("zero_point").get<std::size_t>());
    value.quantization =
        Quantization{elements_of<float>(scale, DataType::f32, what),
                     elements_of<std::int32_t>(zero_point, DataType::s32, what), record.at("axis").get<int>()};
  }
  return value;
}

Node node_of(const JsonValue& record, const GetTensor& get) {
  Node node;
  node.op = record.at("op").get<std::string>();
  node.name = record.at("name").get<std::string>();
  node.inputs = record.at("inputs").get<std::vector<ValueId>>();
  node.outputs = record.at("outputs").get<std::vector<ValueId>>();
  if (const JsonValue* const attributes = record.find("attributes"))
    for (const auto& [name, attribute] : attributes->members()) node.attributes[name] = attribute_of(attribute, get);
  return node;
}

}  // namespace

DataType element_type_of(const JsonValue& record, const std::string& what) {
  const int type = record.get<int>();
  if (type < 0 || type > static_cast<int>(DataType::boolean))
    reject(what, "holds an unknown element type", "compile the model again");
  return static_cast<DataType>(type);
}

JsonValue record_of(const Graph& graph, const PutTensor& put) {
  JsonValue::Array values, nodes;
  for (const Value& value : graph.values) values.push_back(record_of(value, put));
  for (const Node& node : graph.nodes) nodes.push_back(record_of(node, put));
  JsonValue::Object record{{"name", graph.name},
                           {"opset", graph.opset},
                           {"inputs", JsonValue(graph.inputs)},
                           {"outputs", JsonValue(graph.outputs)}};
  record.push_back({"values", std::move(values)});
  record.push_back({"nodes", std::move(nodes)});
  return record;
}

Graph graph_of(const JsonValue& record, const GetTensor& get, const std::string& what) {
  Graph graph;
  try {
    graph.name = record.at("name").get<std::string>();
    graph.opset = record.at("opset").get<std::int64_t>();
    for (const JsonValue& value : record.at("values").elements()) graph.values.push_back(value_of(value, get, what));
    for (const JsonValue& node : record.at("nodes").elements()) graph.nodes.push_back(node_of(node, get));
    graph.inputs = record.at("inputs").get<std::vector<ValueId>>();
    graph.outputs = record.at("outputs").get<std::vector<ValueId>>();
  } catch (const JsonError& error) {
    reject(what, std::string("holds no graph (") + error.what() + ")", "compile the model again");
  }
  graph.validate();
  return graph;
}

}  // namespace tessera
