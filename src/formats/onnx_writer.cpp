#include "formats/onnx_writer.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <onnx/onnx_pb.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "core/memory.hpp"
#include "formats/atomic_file.hpp"
#include "formats/onnx_tensor.hpp"

namespace tessera {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;

// The IR version that came with opset 15 to 18; readers accept newer opsets under it, and refuse IR versions they do
// not know.
constexpr std::int64_t ir_version = 8;
// External tensors start on a page, so that readers can map them; smaller ones stay inside the file.
constexpr std::size_t external_alignment = 4096;
constexpr std::size_t min_external_bytes = 1024;

void refuse_what_is_not_standard(const Graph& graph) {
  constexpr const char* remedy = "write the graph as it was before Tessera's passes";
  for (const Node& node : graph.nodes) {
    const std::string what = "node " + node.name + " (" + node.op + ")";
    if (node.op.starts_with("Fused")) reject(what, "is Tessera's own op, which no other engine knows", remedy);
    if (node.op == "Gelu" && graph.opset < 20)
      reject(what, "does not exist in ONNX opset " + std::to_string(graph.opset), remedy);
  }
  for (const Value& value : graph.values)
    if (value.quantization)
      reject("tensor " + value.name, "carries quantization that ONNX expresses with nodes", remedy);
}

void set_type(onnx::TypeProto& type, const Value& value) {
  auto& tensor = *type.mutable_tensor_type();
  tensor.set_elem_type(onnx_type_of(value.type));
  if (!value.shape.ranked) return;
  auto& shape = *tensor.mutable_shape();
  for (const Dim& extent : value.shape.dims) {
    auto& dim = *shape.add_dim();
    if (extent.known()) dim.set_dim_value(extent.value());
    if (extent.symbolic()) dim.set_dim_param(extent.symbol());
  }
}

void set_tensor(onnx::TensorProto& proto, const Tensor& tensor) {
  proto.set_data_type(onnx_type_of(tensor.type()));
  for (const std::int64_t extent : tensor.shape()) proto.add_dims(extent);
}

void set_attribute(onnx::AttributeProto& proto, const std::string& name, const Attribute& attribute) {
  proto.set_name(name);
  std::visit(
      [&](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::int64_t>) {
          proto.set_type(onnx::AttributeProto::INT);
          proto.set_i(value);
        } else if constexpr (std::is_same_v<T, float>) {
          proto.set_type(onnx::AttributeProto::FLOAT);
          proto.set_f(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          proto.set_type(onnx::AttributeProto::STRING);
          proto.set_s(value);
        } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
          proto.set_type(onnx::AttributeProto::INTS);
          proto.mutable_ints()->Add(value.begin(), value.end());
        } else if constexpr (std::is_same_v<T, std::vector<float>>) {
          proto.set_type(onnx::AttributeProto::FLOATS);
          proto.mutable_floats()->Add(value.begin(), value.end());
        } else {
          proto.set_type(onnx::AttributeProto::TENSOR);
          set_tensor(*proto.mutable_t(), value);
          proto.mutable_t()->set_raw_data(value.data(), value.bytes());
        }
      },
      attribute);
}

void add_node(onnx::GraphProto& proto, const Graph& graph, const Node& node) {
  auto& target = *proto.add_node();
  target.set_op_type(node.op);
  target.set_name(node.name);
  for (const ValueId id : node.inputs) target.add_input(id == no_value ? std::string() : graph.value(id).name);
  for (const ValueId id : node.outputs) target.add_output(id == no_value ? std::string() : graph.value(id).name);
  for (const auto& [name, attribute] : node.attributes) set_attribute(*target.add_attribute(), name, attribute);
}

void add_value_info(onnx::ValueInfoProto& proto, const Value& value) {
  proto.set_name(value.name);
  set_type(*proto.mutable_type(), value);
}

/// Everything but the initializers.
onnx::GraphProto frame_of(const Graph& graph) {
  onnx::GraphProto proto;
  proto.set_name(graph.name.empty() ? "graph" : graph.name);
  for (const Node& node : graph.nodes) add_node(proto, graph, node);
  for (const ValueId id : graph.inputs) add_value_info(*proto.add_input(), graph.value(id));
  for (const ValueId id : graph.outputs) add_value_info(*proto.add_output(), graph.value(id));
  return proto;
}

/// One initializer as it goes to the file: its description, then its elements (none where they are external).
struct Initializer {
  std::string head;  // serialized TensorProto without raw_data
  const Tensor* elements = nullptr;
  std::optional<std::size_t> external_offset;

  [[nodiscard]] std::size_t raw_bytes() const { return external_offset ? 0 : elements->bytes(); }
};

void append_varint(std::string& text, std::uint64_t value) {
  std::array<std::uint8_t, 10> bytes{};
  const std::uint8_t* end = CodedOutputStream::WriteVarint64ToArray(value, bytes.data());
  text.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(end - bytes.data()));
}

/// Tag and length of a length-delimited field.
std::string field_header(int field, std::size_t length) {
  std::string text;
  append_varint(text, WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  append_varint(text, length);
  return text;
}

std::size_t total_weight_bytes(const Graph& graph) {
  std::size_t total = 0;
  for (const Value& value : graph.values)
    if (value.is_constant()) total += value.constant.bytes();
  return total;
}

/// The initializers in the order of the values; `data_name` non-empty: large ones are external, in that file.
std::vector<Initializer> initializers_of(const Graph& graph, const std::string& data_name) {
  std::vector<Initializer> initializers;
  std::size_t offset = 0;
  for (const Value& value : graph.values) {
    if (!value.is_constant()) continue;
    onnx::TensorProto proto;
    proto.set_name(value.name);
    set_tensor(proto, value.constant);
    Initializer initializer;
    initializer.elements = &value.constant;
    if (!data_name.empty() && value.constant.bytes() >= min_external_bytes) {
      offset = round_up(offset, external_alignment);
      initializer.external_offset = offset;
      const auto add = [&](const char* key, std::string text) {
        auto& entry = *proto.add_external_data();
        entry.set_key(key);
        entry.set_value(std::move(text));
      };
      add("location", data_name);
      add("offset", std::to_string(offset));
      add("length", std::to_string(value.constant.bytes()));
      proto.set_data_location(onnx::TensorProto::EXTERNAL);
      offset += value.constant.bytes();
    }
    initializer.head = proto.SerializeAsString();
    initializers.push_back(std::move(initializer));
  }
  return initializers;
}

std::string raw_data_header(const Initializer& initializer) {
  if (initializer.external_offset) return {};
  return field_header(onnx::TensorProto::kRawDataFieldNumber, initializer.raw_bytes());
}

/// A nested message needs its length in front, so everything is measured before anything is written; the weights then
/// stream from where they lie. Building the whole message in memory would hold them twice more.
void write_model(AtomicFile& file, const Graph& graph, const std::vector<Initializer>& initializers, bool synthetic) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name("tessera");
  if (synthetic) {
    auto& property = *model.add_metadata_props();
    property.set_key(weights_property);
    property.set_value(synthetic_weights);
  }
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(graph.opset);

  const std::string frame = frame_of(graph).SerializeAsString();
  const auto size_of_initializer = [](const Initializer& initializer) {
    return initializer.head.size() + raw_data_header(initializer).size() + initializer.raw_bytes();
  };
  std::size_t graph_bytes = frame.size();
  for (const Initializer& initializer : initializers) {
    const std::size_t size = size_of_initializer(initializer);
    graph_bytes += field_header(onnx::GraphProto::kInitializerFieldNumber, size).size() + size;
  }

  file.write(model.SerializeAsString());
  file.write(field_header(onnx::ModelProto::kGraphFieldNumber, graph_bytes));
  file.write(frame);
  for (const Initializer& initializer : initializers) {
    file.write(field_header(onnx::GraphProto::kInitializerFieldNumber, size_of_initializer(initializer)));
    file.write(initializer.head);
    file.write(raw_data_header(initializer));
    file.write(std::span(initializer.elements->data(), initializer.raw_bytes()));
  }
}

void write_external(AtomicFile& file, const std::vector<Initializer>& initializers) {
  const std::vector<std::byte> zeros(external_alignment);
  for (const Initializer& initializer : initializers) {
    if (!initializer.external_offset) continue;
    file.write(std::span(zeros).first(*initializer.external_offset - file.position()));
    file.write(std::span(initializer.elements->data(), initializer.elements->bytes()));
  }
}

}  // namespace

std::string external_data_path(const std::string& path) {
  return path + ".data";
}

void write_onnx(const Graph& graph, const std::string& path, const OnnxWriteOptions& options) {
  refuse_what_is_not_standard(graph);
  const bool external = total_weight_bytes(graph) > options.max_inline_bytes;
  const std::string data_path = external_data_path(path);
  const auto initializers =
      initializers_of(graph, external ? std::filesystem::path(data_path).filename().string() : std::string());

  AtomicFile model(path);
  write_model(model, graph, initializers, options.synthetic);
  if (external) {
    AtomicFile data(data_path);
    write_external(data, initializers);
    data.finish();
    model.finish();  // before either is renamed: a full disk leaves neither
    data.commit();
  }
  model.commit();
}

}  // namespace tessera
