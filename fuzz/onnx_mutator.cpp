// How libFuzzer changes ONNX files when it is told what they are made of: nodes get other ops, inputs and attributes,
// tensors other extents and elements, and two models grow together. Bytes that are no model are changed as bytes, and
// so is one model in sixteen, so that the reader of the format is not spared.
#include "onnx_mutator.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ops/op.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace tessera::fuzzing {
namespace {

constexpr int most_nodes = 24;

class Mutation {
 public:
  Mutation(onnx::ModelProto& model, unsigned seed) : graph_(*model.mutable_graph()), model_(model), random_(seed) {}

  void change() {
    const std::size_t changes = 1 + upto(3);
    for (std::size_t i = 0; i < changes; ++i) change_once();
  }

  /// Nodes and constants of another model behind those of this one, which they read.
  void grow(const onnx::GraphProto& other) {
    const std::string prefix = "g" + std::to_string(upto(1000)) + "_";
    for (const onnx::TensorProto& tensor : other.initializer()) {
      *graph_.add_initializer() = tensor;
      graph_.mutable_initializer()->rbegin()->set_name(prefix + tensor.name());
    }
    std::vector<std::string> inputs;
    for (const onnx::ValueInfoProto& input : other.input()) inputs.push_back(input.name());
    const std::string read = any_value();
    for (const onnx::NodeProto& node : other.node()) {
      if (graph_.node_size() >= most_nodes) break;
      onnx::NodeProto& added = *graph_.add_node() = node;
      for (std::string& name : *added.mutable_input())
        name = std::ranges::find(inputs, name) != inputs.end() ? read : name.empty() ? name : prefix + name;
      for (std::string& name : *added.mutable_output()) name = prefix + name;
      if (!node.name().empty()) added.set_name(prefix + node.name());
      if (graph_.output_size() > 0 && added.output_size() > 0) graph_.mutable_output(0)->set_name(added.output(0));
    }
  }

 private:
  std::size_t upto(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  bool once_in(std::size_t n) { return upto(n) == 0; }

  std::int64_t any_number() {
    static constexpr std::array<std::int64_t, 24> telling = {0,
                                                             1,
                                                             2,
                                                             3,
                                                             4,
                                                             5,
                                                             7,
                                                             8,
                                                             15,
                                                             16,
                                                             17,
                                                             32,
                                                             33,
                                                             64,
                                                             -1,
                                                             -1,
                                                             -2,
                                                             -3,
                                                             255,
                                                             1 << 20,
                                                             std::int64_t{1} << 32,
                                                             std::int64_t{1} << 62,
                                                             std::numeric_limits<std::int64_t>::max(),
                                                             std::numeric_limits<std::int64_t>::min()};
    return telling[upto(once_in(4) ? telling.size() : 12)];
  }
  float any_real() {
    static constexpr std::array<float, 12> telling = {0.0F,
                                                      1.0F,
                                                      -1.0F,
                                                      0.5F,
                                                      0.01F,
                                                      1e-5F,
                                                      6.0F,
                                                      127.0F,
                                                      1e30F,
                                                      -1e-30F,
                                                      std::numeric_limits<float>::infinity(),
                                                      std::numeric_limits<float>::quiet_NaN()};
    return telling[upto(telling.size())];
  }
  std::string any_value() {
    std::vector<std::string> names;
    for (const onnx::ValueInfoProto& input : graph_.input()) names.push_back(input.name());
    for (const onnx::TensorProto& tensor : graph_.initializer()) names.push_back(tensor.name());
    for (const onnx::NodeProto& node : graph_.node())
      for (const std::string& name : node.output()) names.push_back(name);
    return names.empty() ? std::string() : names[upto(names.size())];
  }
  std::string any_op() {
    static constexpr std::array<const char*, 24> usual = {"Relu",
                                                          "Sigmoid",
                                                          "Tanh",
                                                          "Erf",
                                                          "Add",
                                                          "Mul",
                                                          "Sub",
                                                          "Div",
                                                          "MatMul",
                                                          "Gemm",
                                                          "Conv",
                                                          "MaxPool",
                                                          "Softmax",
                                                          "Transpose",
                                                          "Reshape",
                                                          "Concat",
                                                          "Cast",
                                                          "Slice",
                                                          "Gather",
                                                          "ReduceMean",
                                                          "Pad",
                                                          "Clip",
                                                          "QuantizeLinear",
                                                          "DequantizeLinear"};
    if (!once_in(3)) return usual[upto(usual.size())];
    const OpSchema& schema = all_ops()[upto(all_ops().size())];
    return std::string(schema.name);
  }
  std::string new_name() { return "m" + std::to_string(random_() % 100000); }

  onnx::NodeProto* any_node() {
    return graph_.node_size() == 0 ? nullptr
                                   : graph_.mutable_node(static_cast<int>(upto(std::size_t(graph_.node_size()))));
  }

  void change_once() {
    switch (upto(13)) {
      case 0: change_op(); break;
      case 1: change_inputs(); break;
      case 2:
      case 3: insert_node(); break;
      case 4: remove_node(); break;
      case 5:
      case 6: change_attributes(); break;
      case 7: change_extents(); break;
      case 8: change_elements(); break;
      case 9: add_constant(); break;
      case 10: change_input(); break;
      case 11: change_output(); break;
      default: quantize_value(); break;
    }
  }

  void change_op() {
    if (onnx::NodeProto* node = any_node()) node->set_op_type(any_op());
  }

  void change_inputs() {
    onnx::NodeProto* node = any_node();
    if (node == nullptr) return;
    if (node->input_size() == 0 || once_in(4)) {
      node->add_input(once_in(6) ? std::string() : any_value());
    } else if (once_in(5)) {
      node->mutable_input()->RemoveLast();
    } else {
      node->set_input(static_cast<int>(upto(std::size_t(node->input_size()))),
                      once_in(8) ? std::string() : any_value());
    }
  }

  /// A node between a value and one of its readers, so that what it computes counts.
  void insert_node() {
    if (graph_.node_size() >= most_nodes || graph_.node_size() == 0) return;
    const int at = static_cast<int>(upto(std::size_t(graph_.node_size())));
    onnx::NodeProto& reader = *graph_.mutable_node(at);
    if (reader.input_size() == 0) return;
    const int input = static_cast<int>(upto(std::size_t(reader.input_size())));
    onnx::NodeProto made;
    made.set_op_type(any_op());
    made.set_name(new_name());
    made.add_input(reader.input(input));
    const std::size_t more = upto(3);
    for (std::size_t i = 0; i < more; ++i) made.add_input(once_in(2) ? reader.input(input) : any_value());
    made.add_output(new_name());
    reader.set_input(input, made.output(0));
    *graph_.add_node() = made;
    for (int i = graph_.node_size() - 1; i > at; --i) graph_.mutable_node()->SwapElements(i, i - 1);
  }

  void remove_node() {
    if (graph_.node_size() < 2) return;
    const int at = static_cast<int>(upto(std::size_t(graph_.node_size())));
    const onnx::NodeProto gone = graph_.node(at);
    graph_.mutable_node()->DeleteSubrange(at, 1);
    if (gone.input_size() == 0 || gone.output_size() == 0) return;
    for (onnx::NodeProto& node : *graph_.mutable_node())
      for (std::string& name : *node.mutable_input())
        if (name == gone.output(0)) name = gone.input(0);
    for (onnx::ValueInfoProto& output : *graph_.mutable_output())
      if (output.name() == gone.output(0)) output.set_name(gone.input(0));
  }

  /// Another value, an attribute that the op knows, or one less.
  void change_attributes() {
    onnx::NodeProto* node = any_node();
    if (node == nullptr) return;
    const OpSchema* schema = find_op(node->op_type());
    if (schema != nullptr && !schema->attributes.empty() && once_in(3)) {
      set_attribute(*node, schema->attributes[upto(schema->attributes.size())]);
      return;
    }
    if (node->attribute_size() == 0) return;
    const int at = static_cast<int>(upto(std::size_t(node->attribute_size())));
    if (once_in(6)) {
      node->mutable_attribute()->DeleteSubrange(at, 1);
      return;
    }
    onnx::AttributeProto& attribute = *node->mutable_attribute(at);
    if (attribute.ints_size() > 0 && once_in(4))
      attribute.add_ints(any_number());
    else if (attribute.ints_size() > 1 && once_in(5))
      attribute.mutable_ints()->RemoveLast();
    else if (attribute.ints_size() > 0)
      attribute.set_ints(static_cast<int>(upto(std::size_t(attribute.ints_size()))), any_number());
    else if (attribute.type() == onnx::AttributeProto::INT)
      attribute.set_i(any_number());
    else if (attribute.type() == onnx::AttributeProto::FLOAT)
      attribute.set_f(any_real());
  }
  void set_attribute(onnx::NodeProto& node, const AttributeSpec& spec) {
    onnx::AttributeProto* attribute = nullptr;
    for (onnx::AttributeProto& known : *node.mutable_attribute())
      if (known.name() == spec.name) attribute = &known;
    if (attribute == nullptr) attribute = node.add_attribute();
    attribute->Clear();
    attribute->set_name(std::string(spec.name));
    switch (spec.kind) {
      case AttributeKind::integer:
        attribute->set_type(onnx::AttributeProto::INT);
        attribute->set_i(any_number());
        break;
      case AttributeKind::real:
        attribute->set_type(onnx::AttributeProto::FLOAT);
        attribute->set_f(any_real());
        break;
      case AttributeKind::string: {
        static constexpr std::array<const char*, 8> words = {"SAME_UPPER", "SAME_LOWER", "VALID",    "NOTSET",
                                                             "linear",     "nearest",    "constant", "tanh"};
        attribute->set_type(onnx::AttributeProto::STRING);
        attribute->set_s(words[upto(words.size())]);
        break;
      }
      case AttributeKind::integers: {
        attribute->set_type(onnx::AttributeProto::INTS);
        const std::size_t count = upto(7);
        for (std::size_t i = 0; i < count; ++i) attribute->add_ints(any_number());
        break;
      }
      case AttributeKind::reals:
        attribute->set_type(onnx::AttributeProto::FLOATS);
        for (std::size_t i = upto(4); i > 0; --i) attribute->add_floats(any_real());
        break;
      case AttributeKind::tensor:
        attribute->set_type(onnx::AttributeProto::TENSOR);
        fill(*attribute->mutable_t());
        break;
    }
  }

  onnx::TensorProto* any_constant() {
    return graph_.initializer_size() == 0
               ? nullptr
               : graph_.mutable_initializer(static_cast<int>(upto(std::size_t(graph_.initializer_size()))));
  }

  /// Other extents of the same tensor, with as many bytes as they ask for or with those it had.
  void change_extents() {
    onnx::TensorProto* tensor = any_constant();
    if (tensor == nullptr) return;
    if (tensor->dims_size() > 1 && once_in(3))
      tensor->mutable_dims()->SwapElements(0, tensor->dims_size() - 1);
    else if (tensor->dims_size() > 0 && !once_in(4))
      tensor->set_dims(static_cast<int>(upto(std::size_t(tensor->dims_size()))), any_number());
    else
      tensor->add_dims(1);
    if (!once_in(4)) resize_elements(*tensor);
  }
  void resize_elements(onnx::TensorProto& tensor) {
    constexpr std::int64_t most = 4096;
    std::int64_t bytes = tensor.data_type() == onnx::TensorProto::INT64     ? 8
                         : tensor.data_type() == onnx::TensorProto::UINT8   ? 1
                         : tensor.data_type() == onnx::TensorProto::INT8    ? 1
                         : tensor.data_type() == onnx::TensorProto::BOOL    ? 1
                         : tensor.data_type() == onnx::TensorProto::DOUBLE  ? 8
                         : tensor.data_type() == onnx::TensorProto::FLOAT16 ? 2
                                                                            : 4;
    for (const std::int64_t extent : tensor.dims()) {
      if (extent < 0 || extent > most || bytes * extent > most) return;
      bytes *= extent;
    }
    std::string raw = tensor.raw_data();
    const std::string pattern = raw.empty() ? std::string(8, '\1') : raw;
    while (static_cast<std::int64_t>(raw.size()) < bytes)
      raw.append(pattern, 0, static_cast<std::size_t>(bytes) - raw.size());
    raw.resize(static_cast<std::size_t>(bytes));
    tensor.set_raw_data(std::move(raw));
  }

  void change_elements() {
    onnx::TensorProto* tensor = any_constant();
    if (tensor == nullptr) return;
    if (once_in(6)) tensor->set_data_type(static_cast<std::int32_t>(1 + upto(16)));
    std::string raw = tensor->raw_data();
    if (raw.empty()) return;
    if (once_in(2)) {
      const float real = any_real();
      if (raw.size() >= sizeof real && tensor->data_type() == onnx::TensorProto::FLOAT)
        std::memcpy(raw.data() + upto(raw.size() / sizeof real) * sizeof real, &real, sizeof real);
      else if (raw.size() >= 8 && tensor->data_type() == onnx::TensorProto::INT64) {
        const std::int64_t number = any_number();
        std::memcpy(raw.data() + upto(raw.size() / 8) * 8, &number, 8);
      } else
        raw[upto(raw.size())] = static_cast<char>(random_());
    } else {
      const std::size_t size = raw.size();
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(raw.data()), size, size);
    }
    tensor->set_raw_data(std::move(raw));
  }

  void fill(onnx::TensorProto& tensor) {
    static constexpr std::array kinds = {onnx::TensorProto::FLOAT, onnx::TensorProto::FLOAT, onnx::TensorProto::INT64,
                                         onnx::TensorProto::INT64, onnx::TensorProto::UINT8, onnx::TensorProto::INT8};
    tensor.set_data_type(kinds[upto(kinds.size())]);
    const std::size_t rank = upto(5);
    for (std::size_t i = 0; i < rank; ++i) tensor.add_dims(static_cast<std::int64_t>(1 + upto(4)));
    std::string raw(16, '\0');
    for (std::size_t i = 0; i < 2; ++i) {
      if (tensor.data_type() == onnx::TensorProto::FLOAT) {
        const std::array<float, 2> reals = {any_real(), any_real()};
        std::memcpy(raw.data() + 8 * i, reals.data(), 8);
      } else {
        const std::int64_t number = any_number();
        std::memcpy(raw.data() + 8 * i, &number, 8);
      }
    }
    tensor.set_raw_data(std::move(raw));
    resize_elements(tensor);
  }

  /// A constant that a node reads from now on.
  void add_constant() {
    onnx::NodeProto* node = any_node();
    if (node == nullptr || graph_.initializer_size() > 2 * most_nodes) return;
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(new_name());
    fill(tensor);
    if (node->input_size() > 1 && once_in(2))
      node->set_input(static_cast<int>(upto(std::size_t(node->input_size()))), tensor.name());
    else
      node->add_input(tensor.name());
  }

  void change_input() {
    if (graph_.input_size() == 0) return;
    onnx::ValueInfoProto& input = *graph_.mutable_input(static_cast<int>(upto(std::size_t(graph_.input_size()))));
    onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
    if (once_in(5)) type.set_elem_type(static_cast<std::int32_t>(1 + upto(16)));
    onnx::TensorShapeProto& shape = *type.mutable_shape();
    if (shape.dim_size() == 0 || once_in(5)) {
      shape.add_dim()->set_dim_value(1 + static_cast<std::int64_t>(upto(8)));
    } else if (once_in(6)) {
      shape.mutable_dim()->RemoveLast();
    } else {
      onnx::TensorShapeProto::Dimension& dim =
          *shape.mutable_dim(static_cast<int>(upto(std::size_t(shape.dim_size()))));
      if (once_in(3))
        dim.set_dim_param(once_in(2) ? "batch" : "seq");
      else
        dim.set_dim_value(any_number());
    }
  }

  void change_output() {
    if (graph_.output_size() == 0 || once_in(3)) graph_.add_output();
    if (graph_.output_size() > 3) graph_.mutable_output()->RemoveLast();
    graph_.mutable_output(static_cast<int>(upto(std::size_t(graph_.output_size()))))->set_name(any_value());
    if (once_in(4) && model_.opset_import_size() > 0)
      model_.mutable_opset_import(0)->set_version(static_cast<std::int64_t>(9 + upto(18)));
  }

  /// QuantizeLinear and DequantizeLinear in front of a reader, as quantizers write them.
  void quantize_value() {
    if (graph_.node_size() == 0 || graph_.node_size() + 2 > most_nodes) return;
    const int at = static_cast<int>(upto(std::size_t(graph_.node_size())));
    onnx::NodeProto& reader = *graph_.mutable_node(at);
    if (reader.input_size() == 0) return;
    const int input = static_cast<int>(upto(std::size_t(std::min(reader.input_size(), 2))));
    const std::string name = new_name(), value = reader.input(input);
    reader.set_input(input, name + "_real");
    onnx::TensorProto scale, zero;
    const float step = 0.01F * static_cast<float>(1 + upto(20));
    scale.set_name(name + "_scale");
    scale.set_data_type(onnx::TensorProto::FLOAT);
    scale.set_raw_data(std::string(reinterpret_cast<const char*>(&step), sizeof step));
    zero.set_name(name + "_zero");
    const bool is_signed = once_in(2);
    zero.set_data_type(is_signed ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8);
    zero.set_raw_data(std::string(1, is_signed && !once_in(3) ? '\0' : static_cast<char>(random_())));
    onnx::NodeProto to_codes, to_reals;
    to_codes.set_op_type("QuantizeLinear");
    to_reals.set_op_type("DequantizeLinear");
    to_codes.set_name(name + "_q");
    to_reals.set_name(name + "_dq");
    to_codes.add_input(value);
    to_reals.add_input(name + "_codes");
    for (onnx::NodeProto* node : {&to_codes, &to_reals}) {
      node->add_input(scale.name());
      node->add_input(zero.name());
    }
    to_codes.add_output(name + "_codes");
    to_reals.add_output(name + "_real");
    *graph_.add_initializer() = scale;
    *graph_.add_initializer() = zero;
    int place = at;
    for (const onnx::NodeProto& node : {to_codes, to_reals}) {
      *graph_.add_node() = node;
      for (int i = graph_.node_size() - 1; i > place; --i) graph_.mutable_node()->SwapElements(i, i - 1);
      ++place;
    }
  }

  onnx::GraphProto& graph_;
  onnx::ModelProto& model_;
  std::minstd_rand random_;
};

/// The length of the model in `data`; 0 where it is longer than that.
std::size_t write(const onnx::ModelProto& model, std::uint8_t* data, std::size_t most) {
  const std::size_t bytes = model.ByteSizeLong();
  if (bytes > most || !model.SerializeToArray(data, static_cast<int>(bytes))) return 0;
  return bytes;
}

}  // namespace

std::size_t mutate_onnx(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
  onnx::ModelProto model;
  if (seed % 16 == 0 || !model.ParseFromArray(data, static_cast<int>(size)) || !model.has_graph())
    return LLVMFuzzerMutate(data, size, most);
  Mutation(model, seed).change();
  const std::size_t written = write(model, data, most);
  return written > 0 ? written : LLVMFuzzerMutate(data, size, most);
}

std::size_t join_onnx(std::span<const std::uint8_t> one, std::span<const std::uint8_t> other, std::uint8_t* joined,
                      std::size_t most, unsigned seed) {
  onnx::ModelProto model, added;
  if (!model.ParseFromArray(one.data(), static_cast<int>(one.size())) ||
      !added.ParseFromArray(other.data(), static_cast<int>(other.size())) || !model.has_graph() || !added.has_graph())
    return 0;
  Mutation(model, seed).grow(added.graph());
  return write(model, joined, most);
}

}  // namespace tessera::fuzzing
