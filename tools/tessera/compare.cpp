// tessera compare: the cases of every model side by side, and the report.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/comparison.hpp"
#include "compare/output_directory.hpp"
#include "compare/team_peak.hpp"
#include "compare/writers.hpp"
#include "core/error.hpp"
#include "cpu/features.hpp"
#include "cpu/topology.hpp"
#include "data/items.hpp"
#include "data/model_inputs.hpp"
#include "formats/same_file.hpp"
#include "interrupt.hpp"
#include "launch/throughput.hpp"
#include "tuning.hpp"

namespace tessera::tool {
namespace {

constexpr const char* success_marker = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]";

struct CompareWords {
  std::vector<std::string> models = {"resnet50", "bert-base"};
  std::vector<std::string> cases;
  std::optional<int> batch, seq;
  int samples = 1000, warmup = 20, threads = 0;
  std::optional<int> accuracy_inputs;
  double max_seconds = 0;
  std::uint64_t seed = 1;
  std::string calibration, data;
  std::optional<std::string> report;
  bool strict = false, json = false, tune = false;
};

struct LoadedModel {
  Model model;
  std::string source;
  std::vector<TensorMap> calibration;
  std::unique_ptr<Dataset> data;  ///< none: accuracy on other inputs
};

/// A model that was asked for, or why it cannot be had.
struct RequestedModel {
  std::string name;  ///< as asked for
  std::optional<LoadedModel> loaded;
  std::optional<Error> failure;
};

/// Calls `work`; what it throws is what is returned. One failing model never costs the others.
template <typename Work>
std::optional<Error> failure_of(const std::string& subject, Work work) {
  try {
    work();
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorKind::failed, subject, "not enough memory", "use a smaller batch or a larger machine");
  }
}

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

/// Everything about a model that can be wrong is found here, before any measuring.
LoadedModel load(const std::string& name, const CompareWords& words, const Context& context) {
  Model model = Model::load(name);
  const std::map<std::string, std::int64_t> extents = extents_of(words.batch, words.seq);
  require_extents(model, model.random_inputs(extents, words.seed), words.batch, words.seq);
  std::vector<TensorMap> calibration =
      read_calibration_at(extents, words.calibration, name, model, words.batch.value_or(1), context);
  std::string source = model.synthetic_weights() ? "built-in, synthetic weights" : name;
  std::unique_ptr<Dataset> data = open_data_at(extents, words.data, name, model, context);
  return {std::move(model), std::move(source), std::move(calibration), std::move(data)};
}

std::vector<PlannedCase> planned_cases(const CompareWords& words, std::optional<Isa> ceiling) {
  std::vector<CaseRequest> requests = default_cases();
  if (!words.cases.empty()) {
    requests.clear();
    for (const std::string& text : words.cases) requests.push_back(parse_case(text));
  }
  return plan_cases(requests, availability_here(), ceiling, words.strict);
}

/// Two files of one name must not write one chart over the other.
std::string unique_name(const Report& report, const std::string& name) {
  std::string unique = name;
  const auto taken = [&](const ModelReport& model) { return model.name == unique; };
  for (int number = 2; std::any_of(report.models.begin(), report.models.end(), taken); ++number)
    unique = name + "-" + std::to_string(number);
  return unique;
}

ComparisonOptions comparison_options(const CompareWords& words, const std::vector<PlannedCase>& cases) {
  ComparisonOptions options;
  options.cases = cases;
  options.extents = extents_of(words.batch, words.seq);
  options.threads = words.threads;
  options.measure = {
      .warmup = words.warmup, .samples = words.samples, .max_seconds = words.max_seconds, .seed = words.seed};
  if (words.accuracy_inputs) options.accuracy_inputs = *words.accuracy_inputs;
  options.data_name = words.data;
  options.tune = words.tune;
  if (words.tune) options.tune_cache = tune_cache_file();
  options.seed = words.seed;
  return options;
}

ModelReport measure_model(const LoadedModel& entry, const CompareWords& words, const Context& context,
                          ComparisonOptions options, ProgressLine& line) {
  options.calibration = entry.calibration;
  if (entry.data != nullptr) {
    const std::int64_t batch = fixed_batch(entry.model.inputs()).value_or(words.batch.value_or(1));
    options.data = items_of(*entry.data, words.data, words.accuracy_inputs.value_or(0), batch);
  }
  const ComparisonEvents events = {
      [&](const std::string& activity) { line.stage(entry.model.name() + ": " + activity); },
      [&](const MeasureProgress& progress) { line.update(progress.fraction); },
      [&](const std::string& note) {
        if (!context.quiet) print_note(note);
      },
      [] { return InterruptWatch::interrupted(); }};
  ModelReport report = compare_model(entry.model, options, events);
  report.source = entry.source;
  return report;
}

Report measure_models(std::vector<RequestedModel>& models, const CompareWords& words, const Context& context,
                      std::optional<Isa> ceiling, const std::vector<PlannedCase>& cases) {
  ProgressLine line(context.terminal, !context.quiet);
  line.stage("measuring the peak of this machine");
  Report report;
  report.machine = describe_machine(ceiling, words.threads);
  report.version = std::string(version);
  report.created = utc_now();
  report.protocol = {words.warmup, words.samples, words.max_seconds, words.tune};
  ComparisonOptions options = comparison_options(words, cases);
  options.peak = [&report](Isa isa, int threads) {
    return isa == report.machine.isa ? report.machine.peak : measure_team_peak(isa, threads);
  };
  for (RequestedModel& entry : models) {
    if (InterruptWatch::interrupted()) break;
    ModelReport model;
    model.name = entry.loaded ? entry.loaded->model.name() : entry.name;
    model.source = entry.loaded ? entry.loaded->source : entry.name;
    if (entry.loaded)
      entry.failure = failure_of("model " + entry.name,
                                 [&] { model = measure_model(*entry.loaded, words, context, options, line); });
    if (entry.failure) model.failure = entry.failure->what();
    model.name = unique_name(report, model.name);
    report.models.push_back(std::move(model));
    entry.loaded.reset();
  }
  report.partial = InterruptWatch::interrupted();
  return report;
}

/// The rows that should have run and did not.
int count_failures(const Report& report) {
  int failures = 0;
  for (const ModelReport& model : report.models)
    failures += static_cast<int>(std::count_if(model.cases.begin(), model.cases.end(),
                                               [](const CaseReport& row) { return row.status == CaseStatus::failed; }));
  return failures;
}

/// For `tessera launch`, which adds up what its instances achieved.
void tell_launcher(const Report& report) {
  const char* const path = std::getenv(launch_result_variable);
  if (path == nullptr) return;
  std::vector<ThroughputRow> rows;
  for (const ModelReport& model : report.models)
    for (const CaseReport& row : model.cases)
      if (row.status == CaseStatus::ok) rows.push_back({model.name, row.name, row.throughput_per_s});
  write_throughput(path, rows);
}

std::vector<RequestedModel> load_all(const CompareWords& words, const Context& context) {
  std::vector<RequestedModel> models;
  ProgressLine line(context.terminal, !context.quiet);
  for (const std::string& name : words.models) {
    line.stage("loading " + name);
    RequestedModel& entry = models.emplace_back();
    entry.name = name;
    entry.failure = failure_of("model " + name, [&] { entry.loaded.emplace(load(name, words, context)); });
  }
  const bool none = std::ranges::none_of(models, [](const RequestedModel& entry) { return entry.loaded.has_value(); });
  for (const RequestedModel& entry : models) {
    if (!entry.failure) continue;
    if (none) throw Error(*entry.failure);
    if (!context.quiet) print_note("going on with the other models: " + std::string(entry.failure->what()));
  }
  return models;
}

/// No file of the report may take the place of something that is read; better to hear of it now than when all is done.
void protect_inputs(const OutputDirectory& folder, const std::vector<RequestedModel>& models,
                    const CompareWords& words) {
  std::vector<std::string> inputs;
  for (const std::string& path : {words.calibration, words.data})
    if (std::error_code error; std::filesystem::is_regular_file(path, error)) inputs.push_back(path);
  Report names;
  for (const RequestedModel& entry : models) {
    if (!entry.loaded) continue;
    const std::vector<std::string>& files = entry.loaded->model.files();
    inputs.insert(inputs.end(), files.begin(), files.end());
    names.models.emplace_back().name = unique_name(names, entry.loaded->model.name());
  }
  for (const auto& [name, content] : report_files(names))
    refuse_to_overwrite((folder.folder() / name).string(), inputs);
}

/// Error when a model or a case failed, of the kind that tells a wrong word from a failure.
void require_success(const std::vector<RequestedModel>& models, const Report& report) {
  std::vector<const Error*> failures;
  for (const RequestedModel& entry : models)
    if (entry.failure) failures.push_back(&*entry.failure);
  const int rows = count_failures(report);
  if (failures.empty() && rows == 0) return;
  if (models.size() == 1 && rows == 0) throw Error(*failures.front());
  std::string what;
  if (rows > 0) what = std::to_string(rows) + (rows == 1 ? " case" : " cases") + " failed";
  for (const Error* failure : failures) what += (what.empty() ? "" : "; ") + std::string(failure->what());
  const bool all_words = rows == 0 && std::ranges::all_of(failures, [](const Error* failure) {
                           return failure->kind() == ErrorKind::invalid;
                         });
  throw Error(all_words ? ErrorKind::invalid : ErrorKind::failed, "compare", what,
              rows > 0 ? "the rows say why" : "the other models were compared");
}

int run_compare(const CompareWords& words, const Context& context) {
  const std::optional<Isa> ceiling = isa_ceiling_from_environment();
  const std::vector<PlannedCase> cases = planned_cases(words, ceiling);
  warn_of_threads(words.threads, context);
  const InterruptWatch watch;
  std::unique_ptr<OutputDirectory> folder;
  if (words.report) folder = std::make_unique<OutputDirectory>(*words.report);
  std::vector<RequestedModel> models = load_all(words, context);
  if (folder != nullptr) protect_inputs(*folder, models, words);
  const Report report = measure_models(models, words, context, ceiling, cases);
  if (folder != nullptr) {
    for (const auto& [name, content] : report_files(report)) folder->stage(name, content);
    folder->commit();
  }
  tell_launcher(report);
  const TextStyle style = {context.terminal.colour, context.terminal.unicode, context.terminal.width};
  const std::string text = words.json ? report_json(report) : report_text(report, style);
  std::fputs(text.c_str(), stdout);
  if (folder != nullptr && !words.json) std::printf("\nreport: %s\n", (folder->folder() / "report.html").c_str());
  if (report.partial) return InterruptWatch::exit_status();
  require_success(models, report);
  if (!words.json) std::printf("%s\n", success_marker);
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("compare", "run the cases of each model side by side and report");
  auto words = std::make_shared<CompareWords>();
  command->add_option("--model", words->models, "built-in name or .onnx file; may be repeated [resnet50 bert-base]")
      ->type_name("NAME|FILE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--case", words->cases, "PRECISION[@ISA], may be repeated [see below]")
      ->type_name("CASE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--batch", words->batch, "inputs per inference [1]")->type_name("N")->check(between(1, 65536));
  command->add_option("--seq", words->seq, "tokens per input of a text model [128]")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_option("--samples", words->samples, "inferences to time per case [1000]")
      ->type_name("N")
      ->check(between(1, 10000000));
  command->add_option("--warmup", words->warmup, "inferences per case before timing [20]")
      ->type_name("N")
      ->check(between(0, 1000000));
  command
      ->add_option("--max-seconds", words->max_seconds,
                   "stop measuring a model after this time, 0 never; at least 3 samples are taken [0]")
      ->type_name("S")
      ->check(between(0.0, 1e7));
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, most_threads));
  command->add_option("--calibration", words->calibration, calibration_help)->type_name("DIR|FILE");
  command
      ->add_option(
          "--data", words->data,
          "real data for the accuracy, with labels if possible: images in a folder per class, label TAB text, arrays")
      ->type_name("DIR|FILE");
  command
      ->add_option("--accuracy-inputs", words->accuracy_inputs,
                   "inputs on which outputs are compared with FP32 [8; of --data all]")
      ->type_name("N")
      ->check(between(1, 10000));
  command->add_option("--seed", words->seed, "of random inputs and of the order of rounds [1]")->type_name("N");
  command->add_option("--report", words->report, "write report.json, .csv, .html and charts there")->type_name("DIR");
  add_tune_option(*command, words->tune);
  command->add_flag("--strict", words->strict, "an unavailable case is an error (exit status 3)");
  command->add_flag("--json", words->json, "print the report as JSON, and nothing else");
  command->footer(
      "Without --json the last line of a successful run is " + std::string(success_marker) +
      ".\n"
      "Default cases: fp32 bf16@avx512_core_amx int8@avx512_core_vnni int8@avx512_core_amx; where one is not "
      "available,\n"
      "its precision also runs on the best instruction set that is. ISA: avx2 avx2_vnni avx512_core avx512_core_vnni\n"
      "avx512_core_bf16 avx512_core_amx. Calibration arrays are named as the model names its inputs, first axis "
      "samples.\n"
      "TESSERA_MAX_CPU_ISA (or ONEDNN_MAX_CPU_ISA) caps the instruction sets of the default cases.");
  command->callback([words, &context] { context.action = [words, &context] { return run_compare(*words, context); }; });
}

}  // namespace tessera::tool
