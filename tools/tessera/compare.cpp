// tessera compare: the cases of every model side by side, and the report.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/compare_models.hpp"
#include "compare/failure.hpp"
#include "compare/output_directory.hpp"
#include "compare/writers.hpp"
#include "core/error.hpp"
#include "formats/same_file.hpp"
#include "interrupt.hpp"
#include "launch/throughput.hpp"
#include "streams.hpp"
#include "tuning.hpp"

namespace tessera::tool {
namespace {

constexpr const char* success_marker = "[CODE_SAMPLE_COMPLETED_SUCCESSFULLY]";

struct CompareWords {
  std::vector<std::string> models = {"resnet50", "bert-base"};
  std::vector<std::string> cases;
  std::string batch, seq;
  int samples = 1000, warmup = 20, threads = 0, profile = 0;
  StreamWords streams;
  std::optional<int> accuracy_inputs;
  double max_seconds = 0;
  std::uint64_t seed = 1;
  std::string calibration, data;
  std::optional<std::string> report;
  bool strict = false, json = false, tune = false;
};

/// A model that was asked for, or why it cannot be had.
struct RequestedModel {
  std::string name;  ///< as asked for
  std::optional<ComparedModel> loaded;
  std::optional<Error> failure;
};

std::optional<int> extent_in(const Extents& extents, const char* symbol) {
  const auto found = extents.find(symbol);
  return found == extents.end() ? std::nullopt : std::optional(static_cast<int>(found->second));
}

/// The batches and sequence lengths that were asked for.
std::vector<Extents> points_of(const CompareWords& words) {
  return sweep_points({}, {{"batch", extent_list("--batch", words.batch)}, {"seq", extent_list("--seq", words.seq)}});
}

/// Everything about a model that can be wrong is found here, before any measuring.
ComparedModel load(const std::string& name, const CompareWords& words, const std::vector<Extents>& points,
                   const Context& context) {
  Model model = Model::load(name);
  for (const Extents& point : points)
    require_extents(model, model.random_inputs(point, words.seed), extent_in(point, "batch"), extent_in(point, "seq"));
  const Extents calibrated_at = calibration_point(points);
  std::vector<TensorMap> calibration = read_calibration_at(calibrated_at, words.calibration, name, model,
                                                           extent_in(calibrated_at, "batch").value_or(1), context);
  std::string source = source_of(model, name);
  ComparedModel compared{std::move(model), std::move(source), std::move(calibration), {}, words.data};
  for (const Extents& point : points)
    if (!words.data.empty()) compared.data.push_back(open_data_at(point, words.data, name, compared.model, context));
  return compared;
}

std::vector<PlannedCase> planned_cases(const CompareWords& words, std::optional<Isa> ceiling) {
  std::vector<CaseRequest> requests = default_cases();
  if (!words.cases.empty()) {
    requests.clear();
    for (const std::string& text : words.cases) requests.push_back(parse_case(text));
  }
  return plan_cases(requests, availability_here(), ceiling, words.strict);
}

ComparisonOptions comparison_options(const CompareWords& words, const std::vector<PlannedCase>& cases) {
  ComparisonOptions options;
  options.cases = cases;
  options.points = points_of(words);
  options.threads = words.threads;
  options.streams = streams_option(words.streams);
  options.profile_runs = words.profile;
  options.measure = {
      .warmup = words.warmup, .samples = words.samples, .max_seconds = words.max_seconds, .seed = words.seed};
  options.synthetic_calibration = is_synthetic(words.calibration);
  options.tune = words.tune;
  if (words.tune) options.tune_cache = tune_cache_file();
  options.seed = words.seed;
  return options;
}

/// Of those that cannot be had, in their places.
void insert_missing(Report& report, const std::vector<RequestedModel>& models) {
  for (std::size_t i = 0; i < models.size() && i <= report.models.size(); ++i) {
    if (models[i].loaded) continue;
    ModelReport missing;
    missing.name = unique_name(report, models[i].name);
    missing.source = models[i].name;
    missing.points.emplace_back().failure = models[i].failure->what();
    report.models.insert(report.models.begin() + static_cast<std::ptrdiff_t>(i), std::move(missing));
  }
}

/// `failures`: of models that could be read and yet not be compared.
Report measure_models(const std::vector<RequestedModel>& models, const CompareWords& words, const Context& context,
                      std::optional<Isa> ceiling, const std::vector<PlannedCase>& cases, std::vector<Error>& failures) {
  ProgressLine line(context.terminal, !context.quiet);
  std::vector<ComparedModel> compared;
  for (const RequestedModel& entry : models)
    if (entry.loaded) compared.push_back(*entry.loaded);
  const ComparisonEvents events = {[&](const std::string& activity) { line.stage(activity); },
                                   [&](const MeasureProgress& progress) { line.update(progress.fraction); },
                                   [&](const std::string& note) {
                                     if (!context.quiet) print_note(note);
                                   },
                                   [] { return InterruptWatch::interrupted(); },
                                   [&](const Error& failure) { failures.push_back(failure); }};
  Report report = compare_models(compared, comparison_options(words, cases), words.accuracy_inputs, ceiling, events);
  insert_missing(report, models);
  return report;
}

/// The rows that should have run and did not.
int count_failures(const Report& report) {
  int failures = 0;
  for (const ModelReport& model : report.models)
    for (const PointReport& point : model.points)
      failures += static_cast<int>(
          std::ranges::count(point.cases, CaseStatus::failed, [](const CaseReport& row) { return row.status; }));
  return failures;
}

/// For `tessera launch`, which adds up what its instances achieved.
void tell_launcher(const Report& report) {
  const char* const path = std::getenv(launch_result_variable);
  if (path == nullptr) return;
  std::vector<ThroughputRow> rows;
  for (const ModelReport& model : report.models)
    for (const PointReport& point : model.points) {
      const std::string name = model.is_sweep() ? model.name + ", " + extents_text(point) : model.name;
      for (const CaseReport& row : point.cases)
        if (row.status == CaseStatus::ok) rows.push_back({name, row.name, row.throughput_per_s});
    }
  write_throughput(path, rows);
}

std::vector<RequestedModel> load_all(const CompareWords& words, const Context& context) {
  const std::vector<Extents> points = points_of(words);
  std::vector<RequestedModel> models;
  ProgressLine line(context.terminal, !context.quiet);
  for (const std::string& name : words.models) {
    line.stage("loading " + name);
    RequestedModel& entry = models.emplace_back();
    entry.name = name;
    entry.failure = failure_of("model " + name, [&] { entry.loaded.emplace(load(name, words, points, context)); });
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
    ModelReport named;
    named.name = unique_name(names, entry.loaded->model.name());
    for (const Extents& point : points_of(words)) {
      PointReport& planned = named.points.emplace_back();
      planned.batch = extent_in(point, "batch").value_or(1);
      planned.seq = extent_in(point, "seq");
    }
    names.models.push_back(std::move(named));
  }
  for (const auto& [name, content] : report_files(names))
    refuse_to_overwrite((folder.folder() / name).string(), inputs);
}

/// Error when a model or a case failed, of the kind that tells a wrong word from a failure.
void require_success(const std::vector<Error>& failures, const Report& report) {
  const int rows = count_failures(report);
  if (failures.empty() && rows == 0) return;
  if (report.models.size() == 1 && rows == 0) throw Error(failures.front());
  std::string what;
  if (rows > 0) what = std::to_string(rows) + (rows == 1 ? " case" : " cases") + " failed";
  for (const Error& failure : failures) what += (what.empty() ? "" : "; ") + std::string(failure.what());
  const bool words_alone = rows == 0 && std::ranges::all_of(failures, [](const Error& failure) {
                             return failure.kind() == ErrorKind::invalid;
                           });
  throw Error(words_alone ? ErrorKind::invalid : ErrorKind::failed, "compare", what,
              rows > 0 ? "the rows say why" : "the other models were compared");
}

int run_compare(const CompareWords& words, const Context& context) {
  const std::optional<Isa> ceiling = isa_ceiling_from_environment();
  const std::vector<PlannedCase> cases = planned_cases(words, ceiling);
  warn_of_threads(words.threads, context, streams_option(words.streams));
  points_of(words);  // words that make no sense are told before models are read
  const InterruptWatch watch;
  std::unique_ptr<OutputDirectory> folder;
  if (words.report) folder = std::make_unique<OutputDirectory>(*words.report);
  std::vector<RequestedModel> models = load_all(words, context);
  if (folder != nullptr) protect_inputs(*folder, models, words);
  std::vector<Error> failures;
  for (const RequestedModel& entry : models)
    if (entry.failure) failures.push_back(*entry.failure);
  const Report report = measure_models(models, words, context, ceiling, cases, failures);
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
  require_success(failures, report);
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
  command->add_option("--batch", words->batch, "inputs per inference; several, as in 1,4,16: a sweep [1]")
      ->type_name("N,...");
  command->add_option("--seq", words->seq, "tokens per input of a text model; likewise [128]")->type_name("N,...");
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
  add_stream_options(*command, words->streams);
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
  command->add_option("--seed", words->seed, "of random inputs and of the order of rounds [1]")
      ->type_name("N")
      ->check(not_negative());
  command->add_option("--report", words->report, "write report.json, .csv, .html and charts there")->type_name("DIR");
  command
      ->add_option("--profile", words->profile,
                   "also time every layer over N inferences, for a roofline of each case in report.html [0: do not]")
      ->type_name("N")
      ->check(between(0, 100000));
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
