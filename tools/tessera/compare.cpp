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
#include "compare/output_directory.hpp"
#include "compare/writers.hpp"
#include "core/error.hpp"
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
  std::string calibration, data, report;
  bool strict = false, json = false, tune = false;
};

/// Everything about a model that can be wrong is found here, before any measuring.
ComparedModel load(const std::string& name, const CompareWords& words, const Context& context) {
  Model model = Model::load(name);
  const std::map<std::string, std::int64_t> extents = extents_of(words.batch, words.seq);
  require_extents(model, model.random_inputs(extents, words.seed), words.batch, words.seq);
  std::vector<TensorMap> calibration =
      read_calibration_at(extents, words.calibration, name, model, words.batch.value_or(1), context);
  std::string source = source_of(model, name);
  std::shared_ptr<const Dataset> data = open_data_at(extents, words.data, name, model, context);
  return {std::move(model), std::move(source), std::move(calibration), std::move(data), words.data};
}

std::vector<PlannedCase> planned_cases(const CompareWords& words, std::optional<Isa> ceiling) {
  std::vector<CaseRequest> requests = default_cases();
  if (!words.cases.empty()) {
    requests.clear();
    for (const std::string& text : words.cases) requests.push_back(parse_case(text));
  }
  return plan_cases(requests, availability_here(), ceiling, words.strict);
}

Report measure_models(const std::vector<ComparedModel>& models, const CompareWords& words, const Context& context,
                      std::optional<Isa> ceiling, const std::vector<PlannedCase>& cases) {
  ProgressLine line(context.terminal, !context.quiet);
  ComparisonOptions options;
  options.cases = cases;
  options.extents = extents_of(words.batch, words.seq);
  options.threads = words.threads;
  options.measure = {
      .warmup = words.warmup, .samples = words.samples, .max_seconds = words.max_seconds, .seed = words.seed};
  options.tune = words.tune;
  if (words.tune) options.tune_cache = tune_cache_file();
  options.seed = words.seed;
  const ComparisonEvents events = {[&](const std::string& activity) { line.stage(activity); },
                                   [&](const MeasureProgress& progress) { line.update(progress.fraction); },
                                   [&](const std::string& note) {
                                     if (!context.quiet) print_note(note);
                                   }};
  return compare_models(models, options, words.accuracy_inputs, ceiling, events);
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

int run_compare(const CompareWords& words, const Context& context) {
  const std::optional<Isa> ceiling = isa_ceiling_from_environment();
  const std::vector<PlannedCase> cases = planned_cases(words, ceiling);
  std::unique_ptr<OutputDirectory> folder;
  if (!words.report.empty()) folder = std::make_unique<OutputDirectory>(words.report);
  std::vector<ComparedModel> models;
  {
    ProgressLine line(context.terminal, !context.quiet);
    for (const std::string& name : words.models) {
      line.stage("loading " + name);
      models.push_back(load(name, words, context));
    }
  }
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
  if (const int failures = count_failures(report); failures > 0)
    fail("compare", std::to_string(failures) + (failures == 1 ? " case" : " cases") + " failed", "the rows say why");
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
                   "stop measuring a model after this time; at least 3 samples are taken [no limit]")
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
