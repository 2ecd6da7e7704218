// Models: loading, compiling, quantizing.
#include "model.hpp"

#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "compare/quantization_json.hpp"
#include "core/error.hpp"
#include "data/batches.hpp"
#include "data/items.hpp"
#include "data/model_inputs.hpp"
#include "data/open_dataset.hpp"
#include "dataset.hpp"
#include "options.hpp"
#include "progress.hpp"
#include "session.hpp"

namespace tessera::python {
namespace {

using Extents = std::map<std::string, std::int64_t>;

std::int64_t batch_in(const Extents& extents) {
  const auto found = extents.find("batch");
  return found == extents.end() ? 1 : found->second;
}

Model load(const std::string& path_or_name) {
  const nb::gil_scoped_release release;
  return Model::load(path_or_name);
}

OpenDataset open(const LoadedModel& model, const std::string& path, const std::optional<Extents>& extents) {
  const nb::gil_scoped_release release;
  const DatasetModel target =
      extents ? dataset_model(model.source, model.model, *extents) : dataset_model(model.source, model.model);
  return {open_dataset(path, target), path, model.model.inputs()};
}

std::unique_ptr<PythonSession> compile(const LoadedModel& loaded, const std::string& precision,
                                       const std::optional<std::string>& isa, int threads, int streams,
                                       const Extents& extents, bool fixed_extents, bool skip_padding, int opt_level,
                                       bool pin, const std::vector<int>& cpus, std::optional<int> numa_node,
                                       std::size_t plan_cache_bytes, std::size_t queue_limit,
                                       const OpenDataset* calibration, bool synthetic_calibration,
                                       const std::optional<std::string>& tune_cache, nb::object progress) {
  SessionOptions options;
  options.precision = precision_from(precision);
  options.isa = isa_from(isa);
  options.threads = threads;
  options.streams = streams;
  options.extents = extents;
  options.fixed_extents = fixed_extents;
  options.skip_padding = skip_padding;
  options.opt_level = opt_level;
  options.pin = pin;
  options.cpus = cpus;
  options.numa_node = numa_node;
  options.plan_cache_bytes = plan_cache_bytes;
  options.queue_limit = queue_limit;
  options.calibration_options.synthetic = synthetic_calibration;
  options.tune = tune_cache.has_value();
  options.tune_cache = tune_cache.value_or("");
  Progress tell(std::move(progress));
  options.tune_progress = [&tell](std::string_view activity, std::int64_t done, std::int64_t total) {
    tell(activity, static_cast<double>(done) / static_cast<double>(total));
  };
  const nb::gil_scoped_release release;
  const Model& model = loaded.model;
  if (calibration != nullptr)
    options.calibration =
        read_batches(*calibration->data, calibration->inputs, batch_in(extents), most_calibration_items);
  return std::make_unique<PythonSession>(model, model.compile(options), extents);
}

void save_packed(const LoadedModel& loaded, const std::string& path, const std::string& precision,
                 const std::optional<std::string>& isa, const Extents& extents, const OpenDataset* calibration,
                 bool synthetic_calibration) {
  SessionOptions options;
  options.precision = precision_from(precision);
  options.isa = isa_from(isa);
  options.extents = extents;
  options.calibration_options.synthetic = synthetic_calibration;
  const nb::gil_scoped_release release;
  if (calibration != nullptr)
    options.calibration =
        read_batches(*calibration->data, calibration->inputs, batch_in(extents), most_calibration_items);
  loaded.model.save_packed(path, options);
}

// ---- quantization ------------------------------------------------------------------------------------------------

CalibrationMethod method_from(const std::string& option, const std::string& word) {
  if (const auto method = calibration_method_from_name(word)) return *method;
  reject(option + " " + word, "no such method", "use minmax, moving-average, percentile, entropy or mse");
}

AttentionProducts attention_from(const std::string& word) {
  if (const auto products = attention_products_from_name(word)) return *products;
  reject("attention " + word, "no such choice", "use linears, qk or full");
}

ScoreMetric metric_from(const std::string& word) {
  if (const auto metric = score_metric_from_name(word)) return *metric;
  reject("metric " + word, "no such metric", "use auto, top1, agreement or cosine");
}

/// The quantized model and its report as JSON.
std::pair<LoadedModel, std::string> quantize(const LoadedModel& loaded, const OpenDataset& items,
                                             const OpenDataset* validation, std::int64_t most,
                                             const std::string& method, const std::optional<std::string>& gelu_method,
                                             double percentile, std::optional<double> smoothquant,
                                             bool search_smoothquant, std::optional<double> max_drop,
                                             const std::optional<std::string>& fallback, const std::string& metric,
                                             const std::string& attention, bool int8_residual, bool round_sums,
                                             bool bias_correction, bool speed_aware, bool sensitivity, int threads,
                                             nb::object progress) {
  QuantizeOptions options;
  options.calibration.method = method_from("method", method);
  if (gelu_method) options.calibration.gelu_method = method_from("gelu_method", *gelu_method);
  options.calibration.percentile = percentile;
  options.calibration.smoothquant = smoothquant;
  options.search_smoothquant = search_smoothquant;
  options.calibration.attention = attention_from(attention);
  options.calibration.int8_residual = int8_residual;
  options.calibration.round_sums = round_sums;
  options.calibration.bias_correction = bias_correction;
  options.max_drop = max_drop;
  if (fallback) options.fallback = precision_from(*fallback);
  options.metric = metric_from(metric);
  options.speed_aware = speed_aware;
  options.sensitivity = sensitivity;
  options.threads = threads;
  Progress tell(std::move(progress));
  options.progress = [&tell](std::string_view activity, std::int64_t done, std::int64_t total) {
    tell(activity, static_cast<double>(done) / static_cast<double>(total));
  };
  const nb::gil_scoped_release release;
  const std::int64_t batch = fixed_batch(loaded.model.inputs()).value_or(1);
  if (validation != nullptr) options.validation = items_of(*validation->data, validation->name, 0, batch);
  QuantizationReport report;
  Model quantized = loaded.model.quantize(items_of(*items.data, items.name, most, batch), options, &report);
  if (!report.gate_holds)
    fail("quantization of " + loaded.source, "the drop exceeds max_drop even with all layers that can change in FP32",
         "allow a larger drop");
  const QuantizationSource source{loaded.source, items.name, validation != nullptr ? validation->name : items.name, "",
                                  method,        max_drop};
  return {{std::move(quantized), loaded.source}, quantization_json(report, source)};
}

}  // namespace

void bind_model(nb::module_& module) {
  module.def(
      "load",
      [](const std::string& path_or_name) {
        return LoadedModel{load(path_or_name), path_or_name};
      },
      nb::arg("path_or_name"));
  nb::class_<LoadedModel>(module, "Model")
      .def("name", [](const LoadedModel& loaded) { return loaded.model.name(); })
      .def("synthetic_weights", [](const LoadedModel& loaded) { return loaded.model.synthetic_weights(); })
      .def("inputs", [](const LoadedModel& loaded) { return list_from(loaded.model.inputs()); })
      .def("outputs", [](const LoadedModel& loaded) { return list_from(loaded.model.outputs()); })
      .def(
          "random_inputs",
          [](const LoadedModel& loaded, const Extents& extents, std::uint64_t seed) {
            return dict_from(loaded.model.random_inputs(extents, seed), loaded.model.inputs());
          },
          nb::arg("extents"), nb::arg("seed"))
      .def("fixed_batch", [](const LoadedModel& loaded) { return fixed_batch(loaded.model.inputs()); })
      .def("dataset", &open, nb::arg("path"), nb::arg("extents").none())
      .def(
          "items",
          [](const LoadedModel& loaded, std::int64_t size, nb::object item, nb::object label, nb::object convert) {
            return items_from_python(loaded.model.inputs(), size, std::move(item), std::move(label),
                                     std::move(convert));
          },
          nb::arg("size"), nb::arg("item"), nb::arg("label"), nb::arg("convert"))
      .def("compile", &compile, nb::kw_only(), nb::arg("precision"), nb::arg("isa").none(), nb::arg("threads"),
           nb::arg("streams"), nb::arg("extents"), nb::arg("fixed_extents"), nb::arg("skip_padding"),
           nb::arg("opt_level"), nb::arg("pin"), nb::arg("cpus"), nb::arg("numa_node").none(),
           nb::arg("plan_cache_bytes"), nb::arg("queue_limit"), nb::arg("calibration").none(),
           nb::arg("synthetic_calibration"), nb::arg("tune_cache").none(), nb::arg("progress").none())
      .def("quantize", &quantize, nb::kw_only(), nb::arg("items"), nb::arg("validation").none(), nb::arg("most"),
           nb::arg("method"), nb::arg("gelu_method").none(), nb::arg("percentile"), nb::arg("smoothquant").none(),
           nb::arg("search_smoothquant"), nb::arg("max_drop").none(), nb::arg("fallback").none(), nb::arg("metric"),
           nb::arg("attention"), nb::arg("int8_residual"), nb::arg("round_sums"), nb::arg("bias_correction"),
           nb::arg("speed_aware"), nb::arg("sensitivity"), nb::arg("threads"), nb::arg("progress").none())
      .def(
          "save",
          [](const LoadedModel& loaded, const std::string& path) {
            const nb::gil_scoped_release release;
            loaded.model.save(path);
          },
          nb::arg("path"))
      .def("save_packed", &save_packed, nb::kw_only(), nb::arg("path"), nb::arg("precision"), nb::arg("isa").none(),
           nb::arg("extents"), nb::arg("calibration").none(), nb::arg("synthetic_calibration"));
}

}  // namespace tessera::python
