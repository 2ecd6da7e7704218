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

struct ModelWithData {
  const LoadedModel* model = nullptr;
  const OpenDataset* calibration = nullptr;
  std::vector<const OpenDataset*> data;  ///< of each point; empty: none
};

ComparedModel compared(const ModelWithData& entry, const std::vector<Extents>& points) {
  const Extents extents = calibration_point(points);
  const auto batch = extents.find("batch");
  ComparedModel model{entry.model->model, source_of(entry.model->model, entry.model->source), {}, {}, ""};
  if (entry.calibration != nullptr)
    model.calibration = read_batches(*entry.calibration->data, entry.calibration->inputs,
                                     batch == extents.end() ? 1 : batch->second, most_calibration_items);
  for (const OpenDataset* data : entry.data) {
    model.data.push_back(data->data);
    model.data_name = data->name;
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
                                                    const std::vector<Extents>& points, int samples, int warmup,
                                                    double max_seconds, int threads, int streams, int profile,
                                                    std::optional<int> accuracy_inputs, std::uint64_t seed, bool strict,
                                                    bool synthetic_calibration,
                                                    const std::optional<std::string>& tune_cache, nb::object progress) {
  std::vector<ModelWithData> entries;
  for (const nb::handle entry : models) {
    const auto [model, calibration, data] =
        nb::cast<std::tuple<nb::object, nb::object, std::vector<const OpenDataset*>>>(entry);
    entries.push_back({nb::cast<const LoadedModel*>(model), dataset_or_none(calibration), data});
  }
  ComparisonOptions options;
  options.cases = planned(cases, strict);
  options.points = points;
  options.threads = threads;
  options.streams = streams;
  options.profile_runs = profile;
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
  for (const ModelWithData& entry : entries) compared_models.push_back(compared(entry, points));
  return {compare_models(compared_models, options, accuracy_inputs, std::nullopt, events), notes};
}

void save(const Report& report, const std::string& path) {
  const nb::gil_scoped_release release;
  OutputDirectory folder(path);
  for (const auto& [name, content] : report_files(report)) folder.stage(name, content);
  folder.commit();
}

/// The charts of each model, as SVG.
std::vector<std::vector<std::string>> charts(const Report& report) {
  std::vector<std::vector<std::string>> all;
  for (const ModelReport& model : report.models) {
    std::vector<std::string>& charts = all.emplace_back();
    for (auto& [name, svg] : charts_of(model)) charts.push_back(std::move(svg));
  }
  return all;
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
  module.def("compare", &compare, nb::kw_only(), nb::arg("models"), nb::arg("cases"), nb::arg("points"),
             nb::arg("samples"), nb::arg("warmup"), nb::arg("max_seconds"), nb::arg("threads"), nb::arg("streams"),
             nb::arg("profile"), nb::arg("accuracy_inputs").none(), nb::arg("seed"), nb::arg("strict"),
             nb::arg("synthetic_calibration"), nb::arg("tune_cache").none(), nb::arg("progress").none());
}

}  // namespace tessera::python
