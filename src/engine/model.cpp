#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/error.hpp"
#include "engine/model_impl.hpp"
#include "engine/packing.hpp"
#include "engine/quantization_run.hpp"
#include "formats/onnx_reader.hpp"
#include "formats/onnx_writer.hpp"
#include "formats/packed_model.hpp"
#include "hub/model_folder.hpp"
#include "hub/other_formats.hpp"
#include "models/registry.hpp"
#include "quantize/layers.hpp"

namespace tessera {
namespace {

std::vector<TensorInfo> describe(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<TensorInfo> infos;
  for (const ValueId id : ids) {
    const Value& value = graph.value(id);
    TensorInfo info{value.name, value.type, {}};
    for (const Dim& dim : value.shape.dims) info.shape.push_back(to_string(dim));
    infos.push_back(std::move(info));
  }
  return infos;
}

std::string known_names() {
  std::string names;
  for (const ModelEntry& model : built_in_models()) names += (names.empty() ? "" : ", ") + std::string(model.name);
  return names;
}

bool is_file_name(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".onnx") || text.ends_with(".tsr") ||
         std::filesystem::exists(text);
}

/// The name of a folder or of a file without its extension; a slash at the end does not count.
std::string name_of_path(const std::string& path, bool folder) {
  std::error_code error;
  std::filesystem::path whole = std::filesystem::absolute(path, error).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return (folder ? whole.filename() : whole.stem()).string();
}

/// DequantizeLinear has an axis from here on.
constexpr std::int64_t first_per_channel_opset = 13;

/// The graphs that follow from the source.
void prepare(Model::Impl& impl) {
  infer_shapes(impl.source);
  impl.fused = standard_graph(impl);
  impl.quantized_by_file = is_quantized(impl.fused);
  run_passes(impl.fused, fusing_passes(), nullptr);
}

}  // namespace

Graph standard_graph(const Model::Impl& model) {
  Graph graph = model.source;
  run_passes(graph, standard_passes(), nullptr);
  return graph;
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const std::string& path_or_name) {
  auto impl = std::make_shared<Impl>();
  if (const ModelEntry* builtin = find_model(path_or_name)) {
    impl->name = std::string(builtin->name);
    impl->synthetic = true;
    impl->source = builtin->build(default_seed);
  } else if (std::error_code error; std::filesystem::is_directory(path_or_name, error)) {
    impl->source = read_model_folder(path_or_name);
    impl->files = {path_or_name};
    impl->name = name_of_path(path_or_name, true);
  } else if (is_file_name(path_or_name)) {
    if (is_packed_model(path_or_name)) {
      load_packed(*impl, path_or_name);
      return Model(std::move(impl));
    }
    if (is_other_weights(path_or_name)) reject_other_file(path_or_name);
    OnnxFileInfo info;
    impl->source = read_onnx(path_or_name, &info);
    impl->files = std::move(info.files);
    impl->synthetic = info.synthetic_weights;
    impl->name = name_of_path(path_or_name, false);
  } else {
    reject("model " + path_or_name, "neither a file nor a built-in model",
           "use an .onnx file, a Hugging Face folder or one of " + known_names());
  }
  prepare(*impl);
  return Model(std::move(impl));
}

Model Model::quantize(const ItemSource& items, const QuantizeOptions& options, QuantizationReport* report) const {
  const std::string subject = "quantization of " + impl_->name;
  if (impl_->packed) reject(subject, "it is a packed model", "quantize the model that it was packed from");
  if (impl_->quantized_by_file) reject(subject, "the model is quantized already", "start from the float model");
  if (impl_->source.opset < first_per_channel_opset)
    reject(subject,
           "the model follows ONNX opset " + std::to_string(impl_->source.opset) + ", which has no scales per channel",
           "export it with opset 13 or later");
  QuantizationReport unwanted;
  auto impl = std::make_shared<Impl>();
  impl->name = impl_->name;
  impl->synthetic = impl_->synthetic;
  impl->source = QuantizationRun(*impl_, items, options).run(report != nullptr ? *report : unwanted);
  prepare(*impl);
  return Model(std::move(impl));
}

void Model::save(const std::string& path) const {
  if (impl_->packed)
    reject("model " + impl_->name, "a packed model cannot be written as ONNX",
           "save the model that it was packed from");
  write_onnx(standard_graph(*impl_), path, {.synthetic = impl_->synthetic});
}

const std::string& Model::name() const noexcept {
  return impl_->name;
}
const std::vector<std::string>& Model::files() const noexcept {
  return impl_->files;
}
bool Model::quantized() const noexcept {
  return impl_->quantized_by_file;
}
bool Model::synthetic_weights() const noexcept {
  return impl_->synthetic;
}
std::vector<TensorInfo> Model::inputs() const {
  return describe(impl_->source, impl_->source.inputs);
}
std::vector<TensorInfo> Model::outputs() const {
  return describe(impl_->source, impl_->source.outputs);
}

TensorMap Model::random_inputs(const std::map<std::string, std::int64_t>& extents, std::uint64_t seed) const {
  return make_random_inputs(impl_->source, bindings_for(impl_->source, extents), seed);
}

}  // namespace tessera
