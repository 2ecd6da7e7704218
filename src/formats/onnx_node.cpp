#include "formats/onnx_node.hpp"

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "formats/onnx_tensor.hpp"

namespace tessera {
namespace {

using onnx::AttributeProto;

/// What an attribute holds, in words, for the types that have no place in a Graph.
const char* description(AttributeProto::AttributeType type) {
  switch (type) {
    case AttributeProto::GRAPH:
    case AttributeProto::GRAPHS: return "a subgraph (control flow)";
    case AttributeProto::SPARSE_TENSOR:
    case AttributeProto::SPARSE_TENSORS: return "a sparse tensor";
    case AttributeProto::STRINGS: return "a list of strings";
    case AttributeProto::TENSORS: return "a list of tensors";
    case AttributeProto::TYPE_PROTO:
    case AttributeProto::TYPE_PROTOS: return "a type";
    default: return "nothing with a type";
  }
}

Attribute read_attribute(AttributeProto& proto, ExternalData& external, const std::string& what) {
  switch (proto.type()) {
    case AttributeProto::INT: return proto.i();
    case AttributeProto::FLOAT: return proto.f();
    case AttributeProto::STRING: return proto.s();
    case AttributeProto::INTS: return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
    case AttributeProto::FLOATS: return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case AttributeProto::TENSOR: return read_tensor(*proto.mutable_t(), external, what);
    default:
      reject(what, std::string("holds ") + description(proto.type()) + ", which is not supported",
             "re-export the model without it");
  }
}

template <typename T>
Tensor vector_tensor(const std::vector<T>& values) {
  return Tensor::from<T>(Shape{static_cast<std::int64_t>(values.size())}, std::span<const T>(values));
}

}  // namespace

Attributes read_attributes(onnx::NodeProto& node, ExternalData& external, const std::string& what) {
  Attributes attributes;
  for (AttributeProto& proto : *node.mutable_attribute()) {
    const std::string which = what + ", attribute " + proto.name();
    if (!proto.ref_attr_name().empty())
      reject(which, "refers to an attribute of an enclosing function", "re-export the model with functions inlined");
    if (!attributes.emplace(proto.name(), read_attribute(proto, external, which)).second)
      reject(which, "is given twice", "the file is damaged; export the model again");
  }
  return attributes;
}

Tensor constant_value(const Attributes& attributes, const std::string& what) {
  if (attributes.size() != 1)
    reject(what, "has " + std::to_string(attributes.size()) + " attributes instead of one value",
           "re-export the model");
  const auto& [name, attribute] = *attributes.begin();
  if (const auto* tensor = std::get_if<Tensor>(&attribute); tensor && name == "value") return *tensor;
  if (const auto* real = std::get_if<float>(&attribute); real && name == "value_float") return Tensor::scalar(*real);
  if (const auto* integer = std::get_if<std::int64_t>(&attribute); integer && name == "value_int")
    return Tensor::scalar(*integer);
  if (const auto* reals = std::get_if<std::vector<float>>(&attribute); reals && name == "value_floats")
    return vector_tensor(*reals);
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute); integers && name == "value_ints")
    return vector_tensor(*integers);
  reject(what, "attribute " + name + " is not supported", "re-export the model with numeric constants");
}

}  // namespace tessera
