#include "formats/onnx_functions.hpp"

#include <google/protobuf/unknown_field_set.h>

#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "formats/onnx_rename.hpp"

namespace tessera {
namespace {

/// Calls inside of calls may multiply: no model has as many nodes.
constexpr int most_nodes = 1'000'000;
constexpr int deepest_call = 64;

// Fields that ONNX got after the version whose messages this is compiled with: the library keeps them unread.
constexpr int default_attributes_of_function = 11;
constexpr int overload_of_function = 13, overload_of_node = 8;

/// The contents of such a field, as often as it is there.
std::vector<std::string> later_field(const google::protobuf::Message& message, int number) {
  const auto& fields = message.GetReflection()->GetUnknownFields(message);
  std::vector<std::string> contents;
  for (int i = 0; i < fields.field_count(); ++i)
    if (fields.field(i).number() == number &&
        fields.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      contents.push_back(fields.field(i).length_delimited());
  return contents;
}

std::string overload_of(const google::protobuf::Message& message, int number) {
  const auto contents = later_field(message, number);
  return contents.empty() ? std::string() : contents.back();
}

using Key = std::tuple<std::string, std::string, std::string>;  // domain, name, overload
using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

std::string standard(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

std::optional<std::int64_t> standard_version(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) {
  for (const auto& import : imports)
    if (standard(import.domain()).empty()) return import.version();
  return std::nullopt;
}

/// What a call says, in the terms of the function that it calls.
class Call {
 public:
  Call(const onnx::FunctionProto& function, const onnx::NodeProto& node, std::string name) : name_(std::move(name)) {
    for (int i = 0; i < function.input_size(); ++i)
      names_[function.input(i)] = i < node.input_size() ? node.input(i) : std::string();
    for (int i = 0; i < function.output_size(); ++i)
      if (i < node.output_size() && !node.output(i).empty()) names_[function.output(i)] = node.output(i);
    for (const std::string& content : later_field(function, default_attributes_of_function)) {
      onnx::AttributeProto attribute;
      if (attribute.ParseFromString(content)) attributes_[attribute.name()] = attribute;
    }
    for (const auto& attribute : node.attribute()) attributes_[attribute.name()] = attribute;
  }

  /// A node of the function as it stands in the caller.
  onnx::NodeProto body(const onnx::NodeProto& original) const {
    onnx::NodeProto node = original;
    rename_tensors(node, [&](const std::string& tensor) {
      const auto found = names_.find(tensor);
      return found != names_.end() ? found->second : name_ + "/" + tensor;
    });
    node.set_name(name_ + "/" + (original.name().empty() ? original.op_type() : original.name()));
    fill_in_attributes(node);
    return node;
  }

 private:
  /// Attributes that refer to one of the function take its value; where the call gives none, they are not there.
  void fill_in_attributes(onnx::NodeProto& node) const {
    google::protobuf::RepeatedPtrField<onnx::AttributeProto> filled;
    for (const auto& attribute : node.attribute()) {
      if (attribute.ref_attr_name().empty()) {
        *filled.Add() = attribute;
        continue;
      }
      const auto found = attributes_.find(attribute.ref_attr_name());
      if (found == attributes_.end()) continue;
      onnx::AttributeProto* value = filled.Add();
      *value = found->second;
      value->set_name(attribute.name());
    }
    node.mutable_attribute()->Swap(&filled);
  }

  std::string name_;
  std::unordered_map<std::string, std::string> names_;  // of the function's inputs and outputs in the caller
  std::unordered_map<std::string, onnx::AttributeProto> attributes_;
};

class Inliner {
 public:
  Inliner(const onnx::ModelProto& model, const std::string& origin) : model_(model), origin_(origin) {
    for (const auto& function : model.functions())
      functions_[{standard(function.domain()), function.name(), overload_of(function, overload_of_function)}] =
          &function;
  }

  void expand(const Nodes& nodes, int depth, Nodes& expanded) {
    for (const auto& node : nodes) {
      const auto found =
          functions_.find({standard(node.domain()), node.op_type(), overload_of(node, overload_of_node)});
      if (found == functions_.end()) {
        *expanded.Add() = node;
        if (expanded.size() > most_nodes)
          reject(origin_, "its functions make more than a million nodes of it", "export it without functions");
        continue;
      }
      const onnx::FunctionProto& function = *found->second;
      refuse(function, depth);
      const Call call(function, node, "call" + std::to_string(calls_++) + "_" + function.name());
      Nodes body;
      for (const auto& inner : function.node()) *body.Add() = call.body(inner);
      expand(body, depth + 1, expanded);
    }
  }

 private:
  void refuse(const onnx::FunctionProto& function, int depth) const {
    const std::string what = origin_ + ": function " + function.name();
    if (depth > deepest_call) reject(what, "calls itself, or too many others", "export the model without functions");
    const auto version = standard_version(function.opset_import()), whole = standard_version(model_.opset_import());
    if (version && whole && *version != *whole)
      reject(what,
             "is written in operator set " + std::to_string(*version) + ", the model in " + std::to_string(*whole),
             "export the model with one operator set");
  }

  const onnx::ModelProto& model_;
  const std::string& origin_;
  std::map<Key, const onnx::FunctionProto*> functions_;
  int calls_ = 0;
};

}  // namespace

void inline_functions(onnx::ModelProto& model, const std::string& origin) {
  if (model.functions_size() == 0) return;
  Nodes expanded;
  Inliner(model, origin).expand(model.graph().node(), 0, expanded);
  model.mutable_graph()->mutable_node()->Swap(&expanded);
}

}  // namespace tessera
