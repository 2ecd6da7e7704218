// tessera explain: the plan of one session, step by step: which kernel, compiled for which instruction set, in which
// precision, and with --profile how long each takes and what share of this machine's peak it reaches.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/cases.hpp"
#include "compare/format.hpp"
#include "compare/layers_html.hpp"
#include "compare/plan_files.hpp"
#include "compare/profile.hpp"
#include "compare/profile_json.hpp"
#include "core/error.hpp"
#include "formats/atomic_file.hpp"
#include "formats/same_file.hpp"
#include "tuning.hpp"

namespace tessera::tool {
namespace {

struct ExplainWords {
  std::string model, precision = "fp32", isa, calibration;
  std::optional<int> batch, seq;
  int threads = 0, opt_level = 1;
  std::optional<int> profile;
  std::optional<std::string> html, trace, dot;  ///< files to write
  bool json = false, tune = false;
};

/// Pages and traces show times: they are taken where a person did not say how often.
int profile_runs(const ExplainWords& words) {
  constexpr int usual = 20;
  return words.profile.value_or(words.html || words.trace ? usual : 0);
}

struct Explanation {
  double gflop = 0;
  MemoryInfo memory;
  BatchSplit split;
  TuningSummary tuning;
  LayerProfile profile;
  std::string extents;             ///< of the inputs, "batch 1, sequence 128"
  std::vector<std::string> files;  ///< that were read
};

/// "batch 1, sequence 128"
std::string extents_text(const std::vector<TensorInfo>& inputs) {
  if (inputs.empty() || inputs.front().shape.empty()) return {};
  std::string text = "batch " + inputs.front().shape.front();
  for (const TensorInfo& info : inputs)
    if (info.type == DataType::i64 && info.shape.size() == 2) return text + ", sequence " + info.shape[1];
  return text;
}

std::vector<std::string> files_read(const Model& model, const ExplainWords& words) {
  std::vector<std::string> files = model.files();
  files.push_back(words.calibration);
  return files;
}

Explanation explain(const ExplainWords& words, const Context& context) {
  if (words.trace && profile_runs(words) == 0)
    reject("--trace " + *words.trace, "a trace is made of times", "leave out --profile 0");
  warn_of_threads(words.threads, context);
  SessionOptions options;
  options.precision = precision_option(words.precision);
  options.threads = words.threads;
  options.opt_level = words.opt_level;
  options.extents = extents_of(words.batch, words.seq);
  const Model model = Model::load(words.model);
  if (!words.isa.empty())
    options.isa = isa_option(words.isa);
  else if (!model.packed_case())  // which brings its own along
    options.isa = best_isa_below(availability_here(), isa_ceiling_from_environment());
  options.calibration_options.synthetic = is_synthetic(words.calibration);
  options.calibration = read_calibration(words.calibration, words.model, model, words.batch.value_or(1), context);
  Session session = compile(model, options, words.tune, context);
  if (profile_runs(words) > 0)
    for (const auto& [name, tensor] : model.random_inputs(options.extents, 1)) session.set_input(name, tensor);
  return {session.gflop(),
          session.memory(),
          session.batch_split(),
          session.tuning(),
          profile_layers(session, profile_runs(words)),
          extents_text(session.inputs()),
          files_read(model, words)};
}

/// How the batch is gone through; nothing for a batch of one.
std::string split_text(const BatchSplit& split) {
  if (split.part == 0) return split.why.empty() ? std::string() : "batch: all at once by all threads: " + split.why;
  std::string text =
      "batch: " + std::to_string(split.parts) + " x " + std::to_string(split.part) + ", each of them by one thread";
  if (split.left > 0) text += "; " + std::to_string(split.left) + " left over by all threads";
  return text;
}

void print_table(const Explanation& explanation, bool profiled) {
  std::size_t node = 4, op = 2, kernel = 6;
  for (const ProfiledStep& row : explanation.profile.steps) {
    node = std::max(node, std::min<std::size_t>(36, display_width(printable(row.step.node))));
    op = std::max(op, row.step.op.size());
    kernel = std::max(kernel, row.step.kernel.size());
  }
  std::printf("%4s  %-*s  %-*s  %-*s  %-14s", "#", static_cast<int>(node), "node", static_cast<int>(op), "op",
              static_cast<int>(kernel), "kernel", "precision");
  std::printf(profiled ? "  %8s  %8s  %6s  %6s  why not better\n" : "  %8s  why not better\n", "GFLOP", "ms", "time",
              "peak");
  for (std::size_t i = 0; i < explanation.profile.steps.size(); ++i) {
    const ProfiledStep& row = explanation.profile.steps[i];
    std::printf("%4zu  %-*s  %-*s  %-*s  %-14s  %8s", i, static_cast<int>(node),
                shorten(printable(row.step.node), node).c_str(), static_cast<int>(op), row.step.op.c_str(),
                static_cast<int>(kernel), row.step.kernel.c_str(), row.step.precision.c_str(),
                row.step.gflop > 0 ? fixed(row.step.gflop, 4).c_str() : "");
    if (profiled)
      std::printf("  %8s  %6s  %6s", fixed(row.step.seconds * 1e3, 3).c_str(), percent(row.share).c_str(),
                  row.step.gflop > 0 ? percent(row.peak_fraction).c_str() : "");
    std::printf("  %s\n", printable(profiled ? row.reason : row.step.why).c_str());
  }
}

/// What each choice was made from; only where something was measured.
void print_choices(const Explanation& explanation) {
  const TuningSummary& tuning = explanation.tuning;
  if (tuning.timed + tuning.cached == 0) return;
  std::printf("\n%d choices timed, %d cached; %d of them other than usual (ms of each way, the one taken first):\n",
              tuning.timed, tuning.cached, tuning.changed);
  for (const ProfiledStep& row : explanation.profile.steps) {
    for (const StepChoice& choice : row.step.choices) {
      std::string taken, others;
      for (const StepChoice::Way& way : choice.ways) {
        const std::string text = way.name + (way.seconds > 0 ? " " + fixed(way.seconds * 1e3, 3) : "");
        (way.name == choice.taken ? taken : others) += (way.name == choice.taken ? "" : ", ") + text;
      }
      std::printf("  %s  %s (%s): %s%s\n", printable(row.step.node).c_str(), choice.topic.c_str(), choice.by.c_str(),
                  taken.c_str(), others.c_str());
    }
  }
}

/// Time by kind of step, largest first.
void print_summary(const Explanation& explanation) {
  std::map<std::string, double> by_op;
  for (const ProfiledStep& row : explanation.profile.steps)
    by_op[row.step.op + " (" + row.step.kernel + ")"] += row.step.seconds;
  std::vector<std::pair<double, std::string>> sorted;
  sorted.reserve(by_op.size());
  for (const auto& [op, seconds] : by_op) sorted.emplace_back(seconds, op);
  std::sort(sorted.rbegin(), sorted.rend());
  std::printf("\n");
  for (const auto& [seconds, op] : sorted)
    std::printf("%10s ms  %6s  %s\n", fixed(seconds * 1e3, 3).c_str(),
                percent(seconds / explanation.profile.seconds).c_str(), op.c_str());
  std::printf("%10s ms  in all, %s GFLOP/s\n", fixed(explanation.profile.seconds * 1e3, 3).c_str(),
              fixed(explanation.gflop / explanation.profile.seconds, 1).c_str());
}

nlohmann::ordered_json to_json(const ExplainWords& words, const Explanation& explanation) {
  nlohmann::ordered_json json = {{"model", words.model},
                                 {"precision", words.precision},
                                 {"isa", name_of(explanation.profile.isa)},
                                 {"threads", explanation.profile.threads},
                                 {"gflop", explanation.gflop},
                                 {"weights_mb", static_cast<double>(explanation.memory.packed_weights) / 1e6},
                                 {"arena_mb", static_cast<double>(explanation.memory.arena) / 1e6},
                                 {"peak_resident_mb", nullptr},
                                 {"batch",
                                  {{"part", explanation.split.part},
                                   {"parts", explanation.split.parts},
                                   {"left", explanation.split.left},
                                   {"why", explanation.split.why}}},
                                 {"tuning",
                                  {{"timed", explanation.tuning.timed},
                                   {"cached", explanation.tuning.cached},
                                   {"changed", explanation.tuning.changed}}},
                                 {"steps", steps_json(explanation.profile)}};
  if (explanation.profile.peak_resident_mb) json["peak_resident_mb"] = *explanation.profile.peak_resident_mb;
  return json;
}

/// The text goes to a file that appears complete or not at all, and takes no input's place.
void write_file(const std::string& path, const std::string& content, const Explanation& explanation) {
  refuse_to_overwrite(path, explanation.files);
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void write_files(const ExplainWords& words, const Explanation& explanation) {
  const std::string title = words.model + ", " + words.precision + " on " +
                            std::string(name_of(explanation.profile.isa)) + ", " + explanation.extents;
  if (words.trace) write_file(*words.trace, plan_trace(explanation.profile, title), explanation);
  if (words.dot) write_file(*words.dot, plan_dot(explanation.profile, title), explanation);
  if (!words.html) return;
  ExplainedSession session{words.model,
                           words.precision,
                           explanation.extents,
                           split_text(explanation.split),
                           std::string(version),
                           utc_now(),
                           explanation.gflop,
                           static_cast<double>(explanation.memory.packed_weights) / 1e6,
                           static_cast<double>(explanation.memory.arena) / 1e6,
                           explanation.profile};
  write_file(*words.html, explain_html(session), explanation);
}

int explain_model(const ExplainWords& words, const Context& context) {
  const Explanation explanation = explain(words, context);
  write_files(words, explanation);
  if (words.json) {
    std::printf("%s\n",
                to_json(words, explanation).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return 0;
  }
  const std::optional<double> peak = explanation.profile.peak_resident_mb;
  std::printf("%s, %s on %s, %d %s: %s GFLOP, packed weights %s MB, arena %s MB, peak resident %s MB\n\n",
              printable(words.model).c_str(), words.precision.c_str(),
              std::string(name_of(explanation.profile.isa)).c_str(), explanation.profile.threads,
              explanation.profile.threads == 1 ? "thread" : "threads", fixed(explanation.gflop, 3).c_str(),
              quantity(static_cast<double>(explanation.memory.packed_weights) / 1e6).c_str(),
              quantity(static_cast<double>(explanation.memory.arena) / 1e6).c_str(),
              peak ? quantity(*peak).c_str() : "?");
  if (const std::string split = split_text(explanation.split); !split.empty()) std::printf("%s\n\n", split.c_str());
  const bool profiled = profile_runs(words) > 0;
  print_table(explanation, profiled);
  if (profiled) print_summary(explanation);
  print_choices(explanation);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("explain", "the plan: kernel, instruction set and precision of every step");
  auto words = std::make_shared<ExplainWords>();
  command->add_option("model", words->model, "built-in name or .onnx file")->required()->type_name("MODEL");
  command->add_option("--precision", words->precision, "fp32, bf16, int8 or int8-dynamic [fp32]")->type_name("P");
  command->add_option("--isa", words->isa, "highest instruction set to use [the best here]")->type_name("ISA");
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(CLI::Range(0, most_threads));
  command->add_option("--batch", words->batch, "inputs per inference [1]")->type_name("N")->check(CLI::Range(1, 65536));
  command->add_option("--seq", words->seq, "tokens per input of a text model [128]")
      ->type_name("N")
      ->check(CLI::Range(1, 65536));
  command->add_option("--opt-level", words->opt_level, "0: node by node as the file has it; 1: optimised [1]")
      ->type_name("L")
      ->check(CLI::Range(0, 1));
  command->add_option("--calibration", words->calibration, calibration_help)->type_name("DIR|FILE");
  command
      ->add_option("--profile", words->profile,
                   "time every step over N inferences [0: do not run; 20 with --html or --trace]")
      ->type_name("N")
      ->check(CLI::Range(0, 100000));
  command
      ->add_option("--html", words->html, "write a page that needs nothing else: roofline, where the time goes, layers")
      ->type_name("FILE");
  command->add_option("--trace", words->trace, "write the steps for chrome://tracing or Perfetto")->type_name("FILE");
  command->add_option("--dot", words->dot, "write the plan as a graph for Graphviz")->type_name("FILE");
  add_tune_option(*command, words->tune);
  command->add_flag("--json", words->json, "print the result as JSON, and nothing else");
  command->callback(
      [words, &context] { context.action = [words, &context] { return explain_model(*words, context); }; });
}

}  // namespace tessera::tool
