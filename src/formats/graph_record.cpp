#include "formats/graph_record.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace tessera {
namespace {

using nlohmann::json;

// The kinds of attributes, in the order of the variant Attribute.
enum RecordKind : std::uint8_t { integer, real, text, integers, reals, tensor };

json record_of(const Dim& dim) {
  if (dim.known()) return dim.value();
  if (dim.symbolic()) return dim.symbol();
  return nullptr;
}

json record_of(const std::vector<Dim>& dims) {
  json list = json::array();
  for (const Dim& dim : dims) list.push_back(record_of(dim));
  return list;
}

json record_of(const Attribute& attribute, const PutTensor& put) {
  json held;
  if (const auto* constant = std::get_if<Tensor>(&attribute))
    held = put(*constant);
  else
    std::visit(
        [&](const auto& value) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, Tensor>) held = value;
        },
        attribute);
  return json::array({attribute.index(), std::move(held)});
}

json record_of(const Value& value, const PutTensor& put) {
  json record = {{"name", value.name}, {"type", static_cast<int>(value.type)}};
  if (value.shape.ranked) record["shape"] = record_of(value.shape.dims);
  if (value.is_constant()) record["constant"] = put(value.constant);
  if (value.extents) record["extents"] = record_of(*value.extents);
  if (const auto& quantization = value.quantization) {
    const auto channels = static_cast<std::int64_t>(quantization->scale.size());
    record["scale"] = put(Tensor::from<float>(Shape{channels}, quantization->scale));
    record["zero_point"] = put(Tensor::from<std::int32_t>(Shape{channels}, quantization->zero_point));
    record["axis"] = quantization->axis;
  }
  return record;
}

json record_of(const Node& node, const PutTensor& put) {
  json record = {{"op", node.op}, {"name", node.name}, {"inputs", node.inputs}, {"outputs", node.outputs}};
  for (const auto& [name, attribute] : node.attributes) record["attributes"][name] = record_of(attribute, put);
  return record;
}

Dim dim_of(const json& record) {
  if (record.is_null()) return {};
  return record.is_string() ? Dim(record.get<std::string>()) : Dim(record.get<std::int64_t>());
}

std::vector<Dim> dims_of(const json& record) {
  std::vector<Dim> dims;
  for (const json& dim : record) dims.push_back(dim_of(dim));
  return dims;
}

Attribute attribute_of(const json& record, const GetTensor& get) {
  const json& held = record.at(1);
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

Value value_of(const json& record, const GetTensor& get, const std::string& what) {
  Value value;
  value.name = record.at("name").get<std::string>();
  value.type = element_type_of(record.at("type"), what);
  if (record.contains("shape")) value.shape = SymbolicShape(dims_of(record.at("shape")));
  if (record.contains("constant")) value.constant = get(record.at("constant").get<std::size_t>());
  if (record.contains("extents")) value.extents = dims_of(record.at("extents"));
  if (record.contains("scale")) {
    const Tensor scale = get(record.at("scale").get<std::size_t>()),
                 zero_point = get(record.at("zero_point").get<std::size_t>());
    value.quantization =
        Quantization{elements_of<float>(scale, DataType::f32, what),
                     elements_of<std::int32_t>(zero_point, DataType::s32, what), record.at("axis").get<int>()};
  }
  return value;
}

Node node_of(const json& record, const GetTensor& get) {
  Node node;
  node.op = record.at("op").get<std::string>();
  node.name = record.at("name").get<std::string>();
  node.inputs = record.at("inputs").get<std::vector<ValueId>>();
  node.outputs = record.at("outputs").get<std::vector<ValueId>>();
  if (record.contains("attributes"))
    for (const auto& [name, attribute] : record.at("attributes").items())
      node.attributes[name] = attribute_of(attribute, get);
  return node;
}

}  // namespace

DataType element_type_of(const json& record, const std::string& what) {
  const int type = record.get<int>();
  if (type < 0 || type > static_cast<int>(DataType::boolean))
    reject(what, "holds an unknown element type", "compile the model again");
  return static_cast<DataType>(type);
}

json record_of(const Graph& graph, const PutTensor& put) {
  json record = {{"name", graph.name}, {"opset", graph.opset}, {"inputs", graph.inputs}, {"outputs", graph.outputs}};
  for (const Value& value : graph.values) record["values"].push_back(record_of(value, put));
  for (const Node& node : graph.nodes) record["nodes"].push_back(record_of(node, put));
  return record;
}

Graph graph_of(const json& record, const GetTensor& get, const std::string& what) {
  Graph graph;
  try {
    graph.name = record.at("name").get<std::string>();
    graph.opset = record.at("opset").get<std::int64_t>();
    for (const json& value : record.at("values")) graph.values.push_back(value_of(value, get, what));
    for (const json& node : record.at("nodes")) graph.nodes.push_back(node_of(node, get));
    graph.inputs = record.at("inputs").get<std::vector<ValueId>>();
    graph.outputs = record.at("outputs").get<std::vector<ValueId>>();
  } catch (const json::exception& error) {
    reject(what, std::string("holds no graph (") + error.what() + ")", "compile the model again");
  }
  graph.validate();
  return graph;
}

}  // namespace tessera
