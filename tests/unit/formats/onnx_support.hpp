// Crafted ONNX files for the tests of the reader.
#pragma once

#define ONNX_NAMESPACE onnx
#define ONNX_ML 1
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "formats/onnx_reader.hpp"
#include "unit/formats/support.hpp"

namespace tessera::formats_testing {

inline onnx::ValueInfoProto* set_tensor_type(onnx::ValueInfoProto* info, const std::string& name, int type,
                                             std::initializer_list<std::int64_t> extents) {
  info->set_name(name);
  auto* tensor = info->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const std::int64_t extent : extents) tensor->mutable_shape()->add_dim()->set_dim_value(extent);
  return info;
}

inline onnx::NodeProto* add_node(onnx::ModelProto& model, const std::string& op, const std::string& name,
                                 std::initializer_list<const char*> inputs,
                                 std::initializer_list<const char*> outputs) {
  auto* node = model.mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const char* input : inputs) node->add_input(input);
  for (const char* output : outputs) node->add_output(output);
  return node;
}

inline onnx::TensorProto* add_initializer(onnx::ModelProto& model, const std::string& name, int type,
                                          std::initializer_list<std::int64_t> extents) {
  auto* tensor = model.mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(type);
  for (const std::int64_t extent : extents) tensor->add_dims(extent);
  return tensor;
}

/// x [2, 3] -> Relu -> y: what most tests start from.
inline onnx::ModelProto small_model() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  auto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(17);
  model.mutable_graph()->set_name("small");
  set_tensor_type(model.mutable_graph()->add_input(), "x", onnx::TensorProto::FLOAT, {2, 3});
  set_tensor_type(model.mutable_graph()->add_output(), "y", onnx::TensorProto::FLOAT, {2, 3});
  add_node(model, "Relu", "relu", {"x"}, {"y"});
  return model;
}

/// A model whose only purpose is its initializer "w".
inline onnx::ModelProto model_with(int type, std::initializer_list<std::int64_t> extents) {
  onnx::ModelProto model = small_model();
  add_initializer(model, "w", type, extents);
  return model;
}

inline Graph parse(const onnx::ModelProto& model, const std::string& folder = "") {
  const std::string bytes = model.SerializeAsString();
  return parse_onnx(std::as_bytes(std::span(bytes)), "m.onnx", folder);
}

inline void expect_invalid(const onnx::ModelProto& model, std::vector<std::string> parts,
                           const std::string& folder = "") {
  parts.emplace_back("m.onnx");
  expect_error(ErrorKind::invalid, parts, [&] { (void)parse(model, folder); });
}

template <typename T>
std::string raw(std::initializer_list<T> elements) {
  return {reinterpret_cast<const char*>(elements.begin()), elements.size() * sizeof(T)};
}

template <typename T>
std::vector<T> elements(const Graph& graph, const std::string& name = "w") {
  const ValueId id = graph.find(name);
  if (id == no_value || graph.value(id).constant.type() != data_type_of<T>) return {};
  const auto held = graph.value(id).constant.as<T>();
  return {held.begin(), held.end()};
}

}  // namespace tessera::formats_testing
