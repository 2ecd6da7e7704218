// Models in the C API.
#include <memory>
#include <optional>
#include <utility>

#include "c_api/guard.hpp"
#include "c_api/handles.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

tessera_port c_port(const TensorInfo& info) {
  tessera_port port = {};
  port.name = info.name.c_str();
  port.type = static_cast<tessera_type>(info.type);
  port.rank = info.shape.size();
  for (std::size_t i = 0; i < info.shape.size(); ++i) port.extents[i] = info.shape[i].c_str();
  return port;
}

/// What a callback that gives up is known by on the way back to its caller.
struct ItemRefused {
  tessera_status status;
};

/// Items that a callback supplies.
class CallbackItems {
 public:
  CallbackItems(const tessera_model& model, tessera_item item, void* user) : model_(model), item_(item), user_(user) {}

  TensorMap operator()(std::int64_t index) const {
    std::vector<tessera_tensor> tensors(model_.inputs.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].name = model_.inputs[i].name.c_str();
    if (const tessera_status status = item_(user_, index, tensors.data()); status != TESSERA_OK)
      throw ItemRefused{status};
    TensorMap inputs;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::string& name = model_.inputs[i].name;
      const TensorView view = view_of(tensors[i], "item " + std::to_string(index) + ", input " + name);
      Tensor copy(view.type, view.shape);
      std::copy_n(view.data, view.bytes(), copy.mutable_data());
      inputs[name] = std::move(copy);
    }
    return inputs;
  }

 private:
  const tessera_model& model_;
  tessera_item item_;
  void* user_;
};

CalibrationMethod calibration_method(const std::string& name) {
  if (const auto method = calibration_method_from_name(name)) return *method;
  reject("method " + name, "does not exist", "use minmax, moving_average, percentile, entropy or mse");
}

QuantizeOptions quantize_options(const tessera_quantize_options* given) {
  // As in session_options(): a member without a name here does not compile.
  const auto [struct_size, method, smoothquant, max_drop, speed_aware, skip_sensitivity, threads, progress,
              progress_user] = options_of(given, "tessera_quantize_options");
  QuantizeOptions options;
  if (method != nullptr) options.calibration.method = calibration_method(method);
  if (smoothquant != nullptr) options.calibration.smoothquant = *smoothquant;
  if (max_drop != nullptr) options.max_drop = *max_drop;
  options.speed_aware = speed_aware != 0;
  options.sensitivity = skip_sensitivity == 0;
  options.threads = threads;
  if (progress != nullptr)
    options.progress = [tell = progress, user = progress_user](std::string_view activity, std::int64_t done,
                                                               std::int64_t total) {
      tell(user, std::string(activity).c_str(), done, total);
    };
  return options;
}

}  // namespace
}  // namespace tessera

extern "C" {

tessera_status tessera_model_load(const char* path_or_name, tessera_model** model) {
  return tessera::guarded([&] {
    tessera::require(path_or_name, "path_or_name");
    tessera::require(model, "model");
    *model = nullptr;
    *model = std::make_unique<tessera_model>(tessera::Model::load(path_or_name)).release();
  });
}

void tessera_model_free(tessera_model* model) {
  delete model;
}

tessera_status tessera_model_save(const tessera_model* model, const char* path) {
  return tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(path, "path");
    model->model.save(path);
  });
}

size_t tessera_model_input_count(const tessera_model* model) {
  return model == nullptr ? 0 : model->inputs.size();
}
size_t tessera_model_output_count(const tessera_model* model) {
  return model == nullptr ? 0 : model->outputs.size();
}

tessera_status tessera_model_input(const tessera_model* model, size_t index, tessera_port* port) {
  return tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(port, "port");
    tessera::require_index(index, model->inputs.size(), "input");
    *port = tessera::c_port(model->inputs[index]);
  });
}

tessera_status tessera_model_output(const tessera_model* model, size_t index, tessera_port* port) {
  return tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(port, "port");
    tessera::require_index(index, model->outputs.size(), "output");
    *port = tessera::c_port(model->outputs[index]);
  });
}

tessera_status tessera_model_quantize(const tessera_model* model, tessera_item item, void* user, int64_t item_count,
                                      const tessera_quantize_options* options, tessera_model** quantized) {
  std::optional<tessera_status> refused;
  const tessera_status status = tessera::guarded([&] {
    tessera::require(model, "model");
    tessera::require(reinterpret_cast<const void*>(item), "item");
    tessera::require(quantized, "quantized");
    *quantized = nullptr;
    tessera::ItemSource items;
    items.size = item_count;
    items.item = tessera::CallbackItems(*model, item, user);
    try {
      tessera::QuantizationReport report;
      tessera::Model result = model->model.quantize(items, tessera::quantize_options(options), &report);
      if (!report.gate_holds)
        tessera::fail("quantization", "the drop exceeds max_drop even with all layers that can change in FP32",
                      "allow a larger drop");
      *quantized = std::make_unique<tessera_model>(std::move(result)).release();
    } catch (const tessera::ItemRefused& refusal) {
      refused = refusal.status;
      tessera::fail("calibration data", "the callback gave up");
    }
  });
  return refused.value_or(status);
}

}  // extern "C"
