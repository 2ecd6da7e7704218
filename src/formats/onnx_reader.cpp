#include "formats/onnx_reader.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/error.hpp"
#include "formats/external_data.hpp"
#include "formats/mapped_file.hpp"
#include "formats/onnx_condition.hpp"
#include "formats/onnx_functions.hpp"
#include "formats/onnx_message.hpp"
#include "formats/onnx_node.hpp"
#include "formats/onnx_one_dimensional.hpp"
#include "formats/onnx_order.hpp"
#include "formats/onnx_qoperator.hpp"
#include "formats/onnx_rename.hpp"
#include "formats/onnx_tensor.hpp"
#include "formats/onnx_writer.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

constexpr const char* export_again = "export the model again";

/// Why bytes that do not parse are not a model, as far as their beginning tells.
[[noreturn]] void reject_unparsable(std::span<const std::byte> bytes, const std::string& origin) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("version https://git-lfs"))
    reject(origin, "is a Git LFS pointer, not the model itself", "fetch the model with git lfs pull");
  // A ModelProto begins with field 1, the IR version, a small number.
  if (text.size() > 1 && text[0] == '\x08' && text[1] > 0 && text[1] < 64)
    reject(origin, "the ONNX file is cut short or damaged", "copy or export it again");
  reject(origin, "is not an ONNX file", "give an .onnx model");
}

OnnxMessage parse_message(std::span<const std::byte> bytes, const std::string& origin) {
  if (bytes.empty()) reject(origin, "the file is empty", "give an .onnx model");
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    reject(origin, "the file is larger than the 2 GiB an ONNX file can have",
           "export it with its weights as external data");
  std::optional<OnnxMessage> message = parse_onnx_message(bytes);
  if (!message) reject_unparsable(bytes, origin);
  const onnx::ModelProto& model = message->model;
  if (!model.has_graph()) {
    if (model.has_ir_version() && model.opset_import_size() > 0)
      reject(origin, "the ONNX file holds no graph", export_again);
    reject_unparsable(bytes, origin);
  }
  return *std::move(message);
}

class Reader {
 public:
  /// `file`: what the message was read from; null: memory that will not stay.
  Reader(OnnxMessage& message, std::shared_ptr<const MappedFile> file, const std::string& origin,
         const std::string& folder)
      : message_(message),
        file_(std::move(file)),
        model_(message.model),
        proto_(*message.model.mutable_graph()),
        origin_(origin),
        external_(folder) {}

  [[nodiscard]] std::vector<std::string> external_files() const { return external_.files(); }
  [[nodiscard]] bool says_synthetic() const {
    return std::ranges::any_of(model_.metadata_props(), [](const onnx::StringStringEntryProto& entry) {
      return entry.key() == weights_property && entry.value() == synthetic_weights;
    });
  }

  Graph read() {
    refuse_what_is_not_a_plain_graph();
    inline_functions(model_, origin_);
    graph_.name = proto_.name();
    graph_.opset = read_opset();
    read_inputs();
    read_initializers();
    read_nodes(proto_);
    read_outputs();
    naming_the_file([&] { expand_qoperators(graph_); });
    expand_one_dimensional(graph_);
    return std::move(graph_);
  }

 private:
  void refuse_what_is_not_a_plain_graph() const {
    if (proto_.sparse_initializer_size() > 0)
      reject(origin_ + ": sparse initializer " + proto_.sparse_initializer(0).values().name(),
             "sparse tensors are not supported", "export the model with dense weights");
    if (proto_.quantization_annotation_size() > 0)
      reject(origin_ + ": tensor " + proto_.quantization_annotation(0).tensor_name(),
             "quantization annotations are not supported",
             "export the model with QuantizeLinear and DequantizeLinear nodes");
  }

  std::int64_t read_opset() const {
    for (const auto& import : model_.opset_import()) {
      if (!import.domain().empty() && import.domain() != "ai.onnx") continue;  // an unused domain does no harm
      if (import.version() >= min_opset && import.version() <= max_opset) return import.version();
      reject(origin_, "ONNX opset " + std::to_string(import.version()) + " is not supported",
             "export the model with an opset from " + std::to_string(min_opset) + " to " + std::to_string(max_opset));
    }
    reject(origin_, "the file names no ONNX opset", export_again);
  }

  void read_inputs() {
    // Files of IR version 3 and older list initializers among the inputs: those are constants.
    std::unordered_set<std::string_view> initialized;
    for (const auto& initializer : proto_.initializer()) initialized.insert(initializer.name());
    for (const auto& input : proto_.input()) {
      if (initialized.contains(input.name())) continue;
      const std::string what = origin_ + ": input " + input.name();
      if (!input.type().has_tensor_type())
        reject(what, "is not a tensor (sequences, maps and optionals are not supported)",
               "export the model with tensor inputs");
      const auto& tensor = input.type().tensor_type();
      if (!tensor.has_shape()) reject(what, "has no shape", "export the model with the rank of its inputs");
      const DataType type = read_element_type(tensor.elem_type(), what);
      graph_.inputs.push_back(define(input.name(), what, type, read_shape(tensor.shape(), input.name(), what)));
    }
  }

  static SymbolicShape read_shape(const onnx::TensorShapeProto& proto, const std::string& name,
                                  const std::string& what) {
    if (static_cast<std::size_t>(proto.dim_size()) > Shape::max_rank)
      reject(what, std::to_string(proto.dim_size()) + " dimensions",
             "Tessera has at most " + std::to_string(Shape::max_rank));
    std::vector<Dim> dims;
    for (const auto& dim : proto.dim()) {
      if (dim.has_dim_value() && dim.dim_value() >= 0) {
        dims.emplace_back(dim.dim_value());
      } else if (!dim.dim_param().empty()) {
        dims.emplace_back(dim.dim_param());
      } else {  // dynamic without a name; some exporters write -1
        dims.emplace_back(name + "_d" + std::to_string(dims.size()));
      }
    }
    return SymbolicShape(std::move(dims));
  }

  void read_initializers() {
    for (int i = 0; i < proto_.initializer_size(); ++i) {
      auto& initializer = *proto_.mutable_initializer(i);
      const std::string what = origin_ + ": initializer " + initializer.name();
      const auto& raw = message_.raw_data[static_cast<std::size_t>(i)];
      define_constant(
          initializer.name(), what,
          raw ? read_tensor(initializer, *raw, file_, external_, what) : read_tensor(initializer, external_, what));
    }
  }

  void read_nodes(onnx::GraphProto& graph) {
    for (const int index : runnable_order(graph, defined_, origin_)) {
      const std::string what = origin_ + ": " + describe_node(graph, index);
      if (graph.node(index).op_type() == "If" && graph.node(index).domain().empty())
        read_if(*graph.mutable_node(index), index, what);
      else
        read_node(*graph.mutable_node(index), index, what);
    }
  }

  /// The nodes of the branch that is taken, under names that no other branch has.
  void read_if(onnx::NodeProto& proto, int index, const std::string& what) {
    if (proto.input_size() != 1 || proto.input(0).empty() || proto.attribute_size() != 2)
      reject(what, "is not a well-formed If", export_again);
    const auto condition = known_condition(graph_, ids_.at(proto.input(0)));
    if (!condition)
      reject(what, "its condition " + proto.input(0) + " is computed when the model runs",
             "export the model for fixed shapes, or without control flow");
    const std::string taken = *condition ? "then_branch" : "else_branch";
    // Not by &AttributeProto::name: a pointer to an inline function of onnx would make the shared library show it.
    const auto attribute =
        std::ranges::find_if(*proto.mutable_attribute(), [&](const auto& one) { return one.name() == taken; });
    if (attribute == proto.mutable_attribute()->end() || !attribute->has_g())
      reject(what, "has no " + taken, export_again);
    onnx::GraphProto& branch = *attribute->mutable_g();
    if (branch.output_size() != proto.output_size())
      reject(what, "has more or fewer outputs than its " + taken, export_again);
    rename_inside(branch, unique_node_name(proto, index) + "/");
    for (auto& initializer : *branch.mutable_initializer())
      define_constant(initializer.name(), what, read_tensor(initializer, external_, what));
    read_nodes(branch);
    for (int i = 0; i < proto.output_size(); ++i) pass_on(branch.output(i).name(), proto.output(i), what);
  }

  /// Puts `prefix` in front of all names that a branch defines.
  static void rename_inside(onnx::GraphProto& branch, const std::string& prefix) {
    std::unordered_set<std::string> inside;
    for (const auto& initializer : branch.initializer()) inside.insert(initializer.name());
    for (const auto& node : branch.node()) inside.insert(node.output().begin(), node.output().end());
    const auto renamed = [&](const std::string& name) { return inside.contains(name) ? prefix + name : name; };
    for (auto& initializer : *branch.mutable_initializer()) initializer.set_name(renamed(initializer.name()));
    for (auto& output : *branch.mutable_output()) output.set_name(renamed(output.name()));
    for (auto& node : *branch.mutable_node()) rename_tensors(node, renamed);
  }

  /// An Identity, so that an output of an If is the result of a node of its own.
  void pass_on(const std::string& from, const std::string& to, const std::string& what) {
    const auto found = ids_.find(from);
    if (found == ids_.end()) reject(what, "nothing defines its result " + from, export_again);
    if (to.empty()) return;
    graph_.nodes.push_back({"Identity", unique_name(to), {found->second}, {define(to, what)}, {}});
  }

  void read_node(onnx::NodeProto& proto, int index, const std::string& what) {
    const std::string domain = proto.domain() == "ai.onnx" ? std::string() : proto.domain();
    const bool quantized = is_qoperator(domain, proto.op_type());
    if (!domain.empty() && !quantized && !is_standard_elsewhere(domain, proto.op_type()))
      reject(what, "ops of domain " + proto.domain() + " are not supported",
             "re-export the model with standard ONNX ops (no optimizer of another runtime)");
    Attributes attributes = read_attributes(proto, external_, what);
    if (proto.op_type() == "Constant") {
      if (proto.input_size() != 0 || proto.output_size() != 1)
        reject(what, "is not a well-formed constant", export_again);
      define_constant(proto.output(0), what, constant_value(attributes, what));
      return;
    }

    Node node;
    node.op = proto.op_type();
    node.name = unique_node_name(proto, index);
    node.attributes = std::move(attributes);
    for (const std::string& input : proto.input()) node.inputs.push_back(input.empty() ? no_value : ids_.at(input));
    while (!node.inputs.empty() && node.inputs.back() == no_value) node.inputs.pop_back();
    int used = proto.output_size();
    // Split divides by the number of its outputs, so one that nobody names still counts.
    if (node.op != "Split")
      while (used > 0 && proto.output(used - 1).empty()) --used;
    for (int i = 0; i < used; ++i) {
      // An output nobody wants in front of one that is wanted still needs a value.
      const std::string& name = proto.output(i);
      node.outputs.push_back(define(name.empty() ? unused_name(node.name, i) : name, what));
    }
    if (!quantized) naming_the_file([&] { check_node(node); });
    graph_.nodes.push_back(std::move(node));
  }

  /// ONNX Runtime's quantizer writes these into its own domain where it needs types that standard ONNX lacked.
  static bool is_standard_elsewhere(std::string_view domain, std::string_view op) {
    return domain == "com.microsoft" && (op == "QuantizeLinear" || op == "DequantizeLinear");
  }

  template <typename Action>
  void naming_the_file(const Action& action) const {
    try {
      action();
    } catch (const Error& error) {
      throw Error(error.kind(), origin_ + ": " + error.subject(), error.why(), error.remedy());
    }
  }

  void read_outputs() {
    if (proto_.output_size() == 0) reject(origin_, "the graph has no outputs", export_again);
    for (const auto& output : proto_.output()) {
      const auto found = ids_.find(output.name());
      if (found == ids_.end())
        reject(origin_ + ": output " + output.name(), "nothing defines this tensor",
               "the file is damaged; export the model again");
      graph_.outputs.push_back(found->second);
    }
  }

  ValueId define(const std::string& name, const std::string& what, DataType type = DataType::f32,
                 SymbolicShape shape = {}) {
    if (name.empty()) reject(what, "defines a tensor without a name", export_again);
    if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
      reject(what, "a tensor name contains control characters", "rename the tensor");
    const auto id = static_cast<ValueId>(graph_.values.size());
    if (!ids_.emplace(name, id).second)
      reject(what, "tensor " + name + " is defined twice", "give every tensor its own name");
    defined_.insert(name);
    Value value;
    value.name = name;
    value.type = type;
    value.shape = std::move(shape);
    graph_.values.push_back(std::move(value));
    return id;
  }

  void define_constant(const std::string& name, const std::string& what, Tensor tensor) {
    const ValueId id = define(name, what, tensor.type(), SymbolicShape(tensor.shape()));
    graph_.value(id).constant = std::move(tensor);
  }

  /// The file's name for a node, made unique; op and position where it has none.
  std::string unique_node_name(const onnx::NodeProto& proto, int index) {
    return unique_name(proto.name().empty() ? proto.op_type() + "_" + std::to_string(index) : proto.name());
  }

  std::string unique_name(std::string wanted) {
    std::replace_if(
        wanted.begin(), wanted.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    std::string name = wanted;
    for (int suffix = 1; !node_names_.insert(name).second; ++suffix) name = wanted + "_" + std::to_string(suffix);
    return name;
  }

  std::string unused_name(const std::string& node, int output) const {
    std::string name = node + "_unused_" + std::to_string(output);
    while (ids_.contains(name)) name += "_";
    return name;
  }

  const OnnxMessage& message_;
  std::shared_ptr<const MappedFile> file_;
  onnx::ModelProto& model_;
  onnx::GraphProto& proto_;
  const std::string& origin_;
  ExternalData external_;
  Graph graph_;
  std::unordered_map<std::string, ValueId> ids_;
  std::unordered_set<std::string> defined_;
  std::unordered_set<std::string> node_names_;
};

Graph parse(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file, const std::string& origin,
            const std::string& folder, OnnxFileInfo* info) {
  OnnxMessage message = parse_message(bytes, origin);
  Reader reader(message, std::move(file), origin, folder);
  Graph graph = reader.read();
  if (info != nullptr) *info = {reader.external_files(), reader.says_synthetic()};
  return graph;
}

}  // namespace

Graph parse_onnx(std::span<const std::byte> bytes, const std::string& origin, const std::string& folder) {
  return parse(bytes, nullptr, origin, folder, nullptr);
}

Graph read_onnx(const std::string& path, OnnxFileInfo* info) {
  const auto file = MappedFile::open(path);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  Graph graph = parse(file->bytes(), file, path, folder.empty() ? "." : folder.string(), info);
  if (info != nullptr) info->files.push_back(path);
  return graph;
}

}  // namespace tessera
