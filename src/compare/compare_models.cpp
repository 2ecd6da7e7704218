#include "compare/compare_models.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "compare/cases.hpp"
#include "compare/format.hpp"
#include "compare/team_peak.hpp"
#include "cpu/features.hpp"
#include "cpu/topology.hpp"
#include "data/items.hpp"
#include "data/model_inputs.hpp"

namespace tessera {
namespace {

/// The threads of all streams together.
int all_threads(const ComparisonOptions& options, int usable_cpus) {
  if (options.threads == 0) return usable_cpus;
  const int streams = options.streams > 0 ? options.streams : std::max(1, usable_cpus / options.threads);
  return streams * options.threads;
}

MachineReport describe_machine(std::optional<Isa> ceiling, const ComparisonOptions& options) {
  const CpuFeatures& features = cpu_features();
  const Topology topology = detect_topology();
  MachineReport machine;
  machine.cpu = features.brand;
  machine.isa = best_isa_below(availability_here(), ceiling);
  machine.features = feature_names(features);
  machine.usable_cpus = topology.usable_cpus();
  machine.threads = all_threads(options, machine.usable_cpus);
  machine.kernel = topology.kernel;
  machine.peak = measure_team_peak(machine.isa, machine.threads);
  return machine;
}

/// The batch that an item of data has: the model's own, or the one asked for.
std::int64_t batch_of(const Model& model, const Extents& extents) {
  const auto asked = extents.find("batch");
  return fixed_batch(model.inputs()).value_or(asked == extents.end() ? 1 : asked->second);
}

}  // namespace

std::string unique_name(const Report& report, const std::string& name) {
  std::string unique = name;
  const auto taken = [&](const ModelReport& model) { return model.name == unique; };
  for (int number = 2; std::any_of(report.models.begin(), report.models.end(), taken); ++number)
    unique = name + "-" + std::to_string(number);
  return unique;
}

std::vector<Extents> sweep_points(const Extents& extents,
                                  const std::map<std::string, std::vector<std::int64_t>>& sweep) {
  std::vector<Extents> points = {extents};
  for (const auto& [symbol, values] : sweep) {
    std::vector<Extents> more;
    for (const std::int64_t value : values)
      for (Extents point : points) {
        point[symbol] = value;
        more.push_back(std::move(point));
      }
    if (!values.empty()) points = std::move(more);
  }
  return points;
}

Extents calibration_point(const std::vector<Extents>& points) {
  Extents chosen = points.front();
  for (const Extents& point : points)
    if (const auto seq = point.find("seq"); seq != point.end()) chosen["seq"] = std::max(chosen["seq"], seq->second);
  return chosen;
}

std::string source_of(const Model& model, const std::string& path_or_name) {
  if (!model.synthetic_weights()) return path_or_name;
  return (model.files().empty() ? "built-in" : path_or_name) + std::string(", synthetic weights");
}

Report compare_models(const std::vector<ComparedModel>& models, const ComparisonOptions& common,
                      std::optional<int> accuracy_inputs, std::optional<Isa> ceiling, const ComparisonEvents& events) {
  if (events.stage) events.stage("measuring the peak of this machine");
  Report report;
  report.version = std::string(version);
  report.created = utc_now();
  report.machine = describe_machine(ceiling, common);
  report.protocol = {common.measure.warmup, common.measure.samples, common.measure.max_seconds, common.tune};

  ComparisonOptions options = common;
  if (accuracy_inputs) options.accuracy_inputs = *accuracy_inputs;
  options.peak = [&report](Isa isa, int threads) {
    return isa == report.machine.isa ? report.machine.peak : measure_team_peak(isa, threads);
  };
  for (const ComparedModel& entry : models) {
    if (events.stopped && events.stopped()) break;
    options.calibration = entry.calibration;
    options.data_name = entry.data_name;
    options.data = {};
    if (!entry.data.empty())
      options.data = [&](std::size_t point) {
        return items_of(*entry.data.at(point), entry.data_name, accuracy_inputs.value_or(0),
                        batch_of(entry.model, common.points[point]));
      };
    ComparisonEvents named = events;
    if (events.stage)
      named.stage = [&](const std::string& activity) { events.stage(entry.model.name() + ": " + activity); };
    ModelReport model = compare_model(entry.model, options, named);
    model.name = unique_name(report, entry.model.name());
    model.source = entry.source;
    report.models.push_back(std::move(model));
  }
  report.partial = events.stopped && events.stopped();
  return report;
}

}  // namespace tessera
