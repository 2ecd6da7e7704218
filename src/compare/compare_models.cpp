#include "compare/compare_models.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <map>
#include <utility>

#include "compare/cases.hpp"
#include "compare/failure.hpp"
#include "compare/team_peak.hpp"
#include "cpu/features.hpp"
#include "cpu/topology.hpp"
#include "data/items.hpp"
#include "data/model_inputs.hpp"

namespace tessera {
namespace {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

MachineReport describe_machine(std::optional<Isa> ceiling, int threads) {
  const CpuFeatures& features = cpu_features();
  const Topology topology = detect_topology();
  MachineReport machine;
  machine.cpu = features.brand;
  machine.isa = best_isa_below(availability_here(), ceiling);
  machine.features = feature_names(features);
  machine.usable_cpus = topology.usable_cpus();
  machine.threads = threads > 0 ? threads : topology.usable_cpus();
  machine.kernel = topology.kernel;
  machine.peak = measure_team_peak(machine.isa, machine.threads);
  return machine;
}

/// The batch that an item of data has: the model's own, or the one asked for.
std::int64_t batch_of(const Model& model, const std::map<std::string, std::int64_t>& extents) {
  const auto asked = extents.find("batch");
  return fixed_batch(model.inputs()).value_or(asked == extents.end() ? 1 : asked->second);
}

/// One failing model never costs the others: what it throws becomes its report, if somebody hears of it.
ModelReport compare_or_say_why(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events) {
  ComparisonEvents named = events;
  if (events.stage) named.stage = [&](const std::string& activity) { events.stage(model.name() + ": " + activity); };
  if (!events.failed) return compare_model(model, options, named);
  ModelReport report;
  const auto failure = failure_of("model " + model.name(), [&] { report = compare_model(model, options, named); });
  if (!failure) return report;
  report = {};
  report.failure = failure->what();
  events.failed(*failure);
  return report;
}

}  // namespace

std::string unique_name(const Report& report, const std::string& name) {
  std::string unique = name;
  const auto taken = [&](const ModelReport& model) { return model.name == unique; };
  for (int number = 2; std::any_of(report.models.begin(), report.models.end(), taken); ++number)
    unique = name + "-" + std::to_string(number);
  return unique;
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
  report.machine = describe_machine(ceiling, common.threads);
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
    options.data.reset();
    if (entry.data != nullptr)
      options.data =
          items_of(*entry.data, entry.data_name, accuracy_inputs.value_or(0), batch_of(entry.model, common.extents));
    ModelReport model = compare_or_say_why(entry.model, options, events);
    model.name = unique_name(report, entry.model.name());
    model.source = entry.source;
    report.models.push_back(std::move(model));
  }
  report.partial = events.stopped && events.stopped();
  return report;
}

}  // namespace tessera
