// tessera.compare, and the report in all its forms.
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "compare/compare_models.hpp"
#include "compare/output_directory.hpp"
#include "compare/writers.hpp"
#include "data/batches.hpp"
#include "dataset.hpp"
#include "model.hpp"
#include "progress.hpp"

namespace tessera::python {
namespace {

using Extents = std::map<std::string, std::int64_t>;

struct ModelWithData {
  const LoadedModel* model = nullptr;
  const OpenDataset* calibration = nullptr;
  const OpenDataset* data = nullptr;
};

ComparedModel compared(const ModelWithData& entry, const Extents& extents) {
  const auto batch = extents.find("batch");
  ComparedModel model{entry.model->model, source_of(entry.model->model, entry.model->source), {}, nullptr, ""};
  if (entry.calibration != nullptr)
    model.calibration = read_batches(*entry.calibration->data, entry.calibration->inputs,
                                     batch == extents.end() ? 1 : batch->second, most_calibration_items);
  if (entry.data != nullptr) {
    model.data = entry.data->data;
    model.data_name = entry.data->name;
  }
  return model;
}

std::vector<PlannedCase> planned(const std::vector<std::string>& cases, bool strict) {
  std::vector<CaseRequest> requests;
  requests.reserve(cases.size());
  for (const std::string& text : cases) requests.push_back(parse_case(text));
  if (cases.empty()) requests = default_cases();
  return plan_cases(requests, availability_here(), std::nullopt, strict);
}

const OpenDataset* dataset_or_none(const nb::object& object) {
  return object.is_none() ? nullptr : nb::cast<const OpenDataset*>(object);
}

/// The report, and what no row of it says.
std::pair<Report, std::vector<std::string>> compare(const nb::list& models, const std::vector<std::string>& cases,
                                                    const Extents& extents, int samples, int warmup, double max_seconds,
                                                    int threads, std::optional<int> accuracy_inputs, std::uint64_t seed,
                                                    bool strict, bool synthetic_calibration,
                                                    const std::optional<std::string>& tune_cache, nb::object progress) {
  std::vector<ModelWithData> entries;
  for (const nb::handle entry : models) {
    const auto [model, calibration, data] = nb::cast<std::tuple<nb::object, nb::object, nb::object>>(entry);
    entries.push_back({nb::cast<const LoadedModel*>(model), dataset_or_none(calibration), dataset_or_none(data)});
  }
  ComparisonOptions options;
  options.cases = planned(cases, strict);
  options.extents = extents;
  options.threads = threads;
  options.measure = {.warmup = warmup, .samples = samples, .max_seconds = max_seconds, .seed = seed};
  options.synthetic_calibration = synthetic_calibration;
  options.tune = tune_cache.has_value();
  options.tune_cache = tune_cache.value_or("");
  options.seed = seed;
  Progress tell(std::move(progress));
  std::vector<std::string> notes;
  std::string activity;
  const ComparisonEvents events = {
      .stage = [&](const std::string& stage) { tell(activity = stage, std::nullopt); },
      .progress = [&](const MeasureProgress& done) { tell(activity, done.fraction); },
      .note = [&](const std::string& note) { notes.push_back(note); },
      .stopped = {},
      .failed = {},
  };
  const nb::gil_scoped_release release;
  std::vector<ComparedModel> compared_models;
  compared_models.reserve(entries.size());
  for (const ModelWithData& entry : entries) compared_models.push_back(compared(entry, extents));
  return {compare_models(compared_models, options, accuracy_inputs, std::nullopt, events), notes};
}

void save(const Report& report, const std::string& path) {
  const nb::gil_scoped_release release;
  OutputDirectory folder(path);
  for (const auto& [name, content] : report_files(report)) folder.stage(name, content);
  folder.commit();
}

/// [(time chart, speed-up chart)] of the models, as SVG.
std::vector<std::pair<std::string, std::string>> charts(const Report& report) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const ModelReport& model : report.models) pairs.emplace_back(time_chart_svg(model), speedup_chart_svg(model));
  return pairs;
}

}  // namespace

void bind_comparison(nb::module_& module) {
  nb::class_<Report>(module, "Report")
      .def("json", &report_json)
      .def(
          "text",
          [](const Report& report, int width) {
            return report_text(report, {.colour = false, .unicode = true, .width = width});
          },
          nb::arg("width"))
      .def("charts", &charts)
      .def("save", &save, nb::arg("folder"));
  module.def("compare", &compare, nb::kw_only(), nb::arg("models"), nb::arg("cases"), nb::arg("extents"),
             nb::arg("samples"), nb::arg("warmup"), nb::arg("max_seconds"), nb::arg("threads"),
             nb::arg("accuracy_inputs").none(), nb::arg("seed"), nb::arg("strict"), nb::arg("synthetic_calibration"),
             nb::arg("tune_cache").none(), nb::arg("progress").none());
}

}  // namespace tessera::python
