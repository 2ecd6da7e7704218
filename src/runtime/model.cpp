#include <algorithm>
#include <filesystem>

#include "formats/onnx_reader.hpp"
#include "models/registry.hpp"
#include "runtime/model_impl.hpp"

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
  return text.find('/') != std::string::npos || text.ends_with(".onnx") || std::filesystem::exists(text);
}

}  // namespace

std::string_view name_of(Precision precision) noexcept {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::bf16: return "bf16";
    case Precision::int8: return "int8";
  }
  return "?";
}

std::optional<Precision> precision_from_name(std::string_view name) noexcept {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    if (name == name_of(precision)) return precision;
  return std::nullopt;
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const std::string& path_or_name) {
  auto impl = std::make_shared<Impl>();
  if (const ModelEntry* builtin = find_model(path_or_name)) {
    impl->name = std::string(builtin->name);
    impl->synthetic = true;
    impl->source = builtin->build(default_seed);
  } else if (is_file_name(path_or_name)) {
    impl->source = read_onnx(path_or_name);
    impl->name = std::filesystem::path(path_or_name).stem().string();
  } else {
    reject("model " + path_or_name, "neither a file nor a built-in model",
           "use an .onnx file or one of " + known_names());
  }
  infer_shapes(impl->source);
  impl->fused = impl->source;
  run_passes(impl->fused, default_passes(), nullptr);
  return Model(std::move(impl));
}

const std::string& Model::name() const noexcept {
  return impl_->name;
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
