// tessera run: one model on given inputs, once; with several streams, also as fast as they go.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/busy_streams.hpp"
#include "compare/format.hpp"
#include "compare/output_directory.hpp"
#include "compare/report.hpp"
#include "compare/sha256.hpp"
#include "compare/statistics.hpp"
#include "core/error.hpp"
#include "cpu/case_name.hpp"
#include "formats/npy.hpp"
#include "formats/same_file.hpp"
#include "launch/throughput.hpp"
#include "stopwatch.hpp"
#include "streams.hpp"
#include "tuning.hpp"

namespace tessera::tool {
namespace {

struct RunWords {
  std::string model, precision = "fp32", isa, calibration;
  std::optional<std::string> output_dir;
  std::vector<std::string> inputs;
  std::optional<int> batch, seq;
  int threads = 0, opt_level = 1;
  std::uint64_t seed = 1;
  StreamWords streams;
  bool hash = false, strict = false, json = false, tune = false, skip_padding = false;
};

/// What all streams together did with requests of the same inputs.
struct Throughput {
  int streams = 1, requests = 0;
  double per_s = 0;    ///< items, of all streams
  Summary latency_ms;  ///< of a request
};

struct RunResult {
  Precision precision = Precision::fp32;
  Isa isa = Isa::avx2;
  int threads = 1;
  double prepare_ms = 0, inference_ms = 0;
  std::vector<std::string> random_inputs;
  std::vector<std::pair<std::string, Tensor>> outputs;  ///< in the order of the model
  std::vector<std::string> files;
  std::vector<SessionWarning> warnings;
  std::optional<Throughput> throughput;  ///< of several streams
};

/// Two bursts of requests: the first brings every stream's memory in and is not counted.
Throughput measure_streams(Session& session, const TensorMap& inputs) {
  BusyStreams busy(session, inputs, steady_clock());
  busy.run();
  const Stopwatch watch;
  busy.run();
  const double seconds = watch.seconds();
  std::vector<double> latencies = busy.latencies(1);
  for (double& latency : latencies) latency *= 1e3;
  const Shape& first = inputs.begin()->second.shape();
  const double items = static_cast<double>(latencies.size()) * static_cast<double>(first.rank() > 0 ? first[0] : 1);
  return {session.streams(), static_cast<int>(latencies.size()), items / seconds, summarize(latencies)};
}

/// NAME=FILE.npy read; the model says whether the name exists and the type and rank fit.
std::pair<std::string, Tensor> read_input(const std::string& word, const std::vector<TensorInfo>& infos) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
    reject("--input " + word, "is not of the form NAME=FILE.npy", "write for example --input x=x.npy");
  const std::string name = word.substr(0, equals);
  const auto info = std::find_if(infos.begin(), infos.end(),
                                 [&, &wanted = name](const TensorInfo& entry) { return entry.name == wanted; });
  if (info == infos.end()) {
    std::string names;
    for (const TensorInfo& entry : infos) names += (names.empty() ? "" : ", ") + entry.name;
    reject("--input " + word, "the model has no input '" + name + "'", "its inputs are: " + names);
  }
  Tensor tensor = read_npy(word.substr(equals + 1));
  std::string declared;
  for (const std::string& extent : info->shape) declared += (declared.empty() ? "" : ", ") + extent;
  const std::string expected = std::string(name_of(info->type)) + " [" + declared + "]";
  const std::string given = std::string(name_of(tensor.type())) + " " + to_string(tensor.shape());
  bool fits = tensor.type() == info->type && tensor.shape().rank() == info->shape.size();
  for (std::size_t axis = 0; fits && axis < info->shape.size(); ++axis) {
    const std::string& extent = info->shape[axis];
    const bool number = extent.find_first_not_of("0123456789") == std::string::npos;
    fits = !number || extent == std::to_string(tensor.shape()[axis]);
  }
  if (!fits) reject("--input " + word, "holds " + given + ", the model takes " + expected, "convert the array");
  return {name, std::move(tensor)};
}

/// Symbolic extents as the given inputs have them; two inputs that disagree about one are an error.
void bind_extents(const TensorInfo& info, const Tensor& tensor, std::map<std::string, std::int64_t>& extents) {
  for (std::size_t axis = 0; axis < info.shape.size(); ++axis) {
    const std::string& symbol = info.shape[axis];
    if (symbol.find_first_not_of("0123456789") == std::string::npos) continue;
    const auto [entry, fresh] = extents.emplace(symbol, tensor.shape()[axis]);
    if (!fresh && entry->second != tensor.shape()[axis])
      reject("--input " + info.name,
             "its extent '" + symbol + "' is " + std::to_string(tensor.shape()[axis]) + ", elsewhere it is " +
                 std::to_string(entry->second),
             "give arrays of matching shapes");
  }
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// "[1,1000]": one word, so that lines split at spaces.
std::string compact(const Shape& shape) {
  std::string text = to_string(shape);
  std::erase(text, ' ');
  return text;
}

std::string hash_line(const std::string& name, const Tensor& tensor) {
  return name + " " + compact(tensor.shape()) + " " + std::string(name_of(tensor.type())) + " " +
         sha256({tensor.data(), tensor.bytes()});
}

std::string summary_line(const std::string& name, const Tensor& tensor) {
  std::string line = name + "  " + std::string(name_of(tensor.type())) + " " + to_string(tensor.shape());
  if (tensor.type() != DataType::f32 || tensor.bytes() == 0) return line;
  const auto values = tensor.as<float>();
  double sum = 0;
  for (const float value : values) sum += value;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return line + "  min " + fixed(*low, 5) + "  mean " + fixed(sum / static_cast<double>(values.size()), 5) + "  max " +
         fixed(*high, 5) + "  largest at " + std::to_string(high - values.begin());
}

nlohmann::ordered_json result_json(const RunWords& words, const RunResult& result) {
  nlohmann::ordered_json json = {{"model", words.model},
                                 {"precision", name_of(result.precision)},
                                 {"isa", name_of(result.isa)},
                                 {"threads", result.threads},
                                 {"seed", words.seed},
                                 {"random_inputs", result.random_inputs},
                                 {"prepare_ms", result.prepare_ms},
                                 {"inference_ms", result.inference_ms},
                                 {"streams", 1},
                                 {"outputs", nlohmann::ordered_json::array()}};
  if (result.throughput) {
    const Summary& latency = result.throughput->latency_ms;
    json["streams"] = result.throughput->streams;
    json["requests"] = result.throughput->requests;
    json["throughput_per_s"] = result.throughput->per_s;
    json["latency_ms"] = {{"min", latency.min}, {"p50", latency.p50}, {"p90", latency.p90}, {"p99", latency.p99}};
  }
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    const auto& [name, tensor] = result.outputs[i];
    nlohmann::ordered_json output = {{"name", name},
                                     {"shape", tensor.shape().dims()},
                                     {"dtype", name_of(tensor.type())},
                                     {"sha256", sha256({tensor.data(), tensor.bytes()})}};
    output["file"] =
        i < result.files.size() ? nlohmann::ordered_json(result.files[i]) : nlohmann::ordered_json(nullptr);
    json["outputs"].push_back(std::move(output));
  }
  json["warnings"] = nlohmann::ordered_json::array();
  for (const SessionWarning& warning : result.warnings)
    json["warnings"].push_back(
        {{"code", warning.code}, {"subject", warning.subject}, {"message", warning.message}, {"count", warning.count}});
  return json;
}

/// Two outputs whose names differ only in '/' must not share a file.
std::vector<std::string> file_names(const std::vector<TensorInfo>& outputs) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const TensorInfo& output : outputs) {
    const std::string stem = safe_file_name(output.name);
    std::string name = stem + ".npy";
    for (int number = 2; !taken.insert(name).second; ++number) name = stem + "-" + std::to_string(number) + ".npy";
    names.push_back(name);
  }
  return names;
}

/// The outputs, and how long they took.
std::pair<TensorMap, double> timed_outputs(Session& session, const TensorMap& inputs, bool skip_padding) {
  TensorMap outputs;
  if (skip_padding) {
    const Stopwatch running;
    outputs = session.run(inputs);
    return {std::move(outputs), running.milliseconds()};
  }
  for (const auto& [name, tensor] : inputs) session.set_input(name, tensor);
  const Stopwatch inferring;
  session.infer();
  const double taken = inferring.milliseconds();
  for (const TensorInfo& output : session.outputs()) outputs.emplace(output.name, session.output(output.name));
  return {std::move(outputs), taken};
}

RunResult infer(const Model& model, const RunWords& words, const Context& context, Isa isa) {
  const std::vector<TensorInfo> infos = model.inputs();
  std::map<std::string, std::int64_t> extents;
  TensorMap given;
  for (const std::string& word : words.inputs) {
    auto [name, tensor] = read_input(word, infos);
    const auto info = std::find_if(infos.begin(), infos.end(),
                                   [&, &wanted = name](const TensorInfo& entry) { return entry.name == wanted; });
    bind_extents(*info, tensor, extents);
    if (!given.emplace(name, std::move(tensor)).second)
      reject("--input " + word, "input '" + name + "' is given twice");
  }
  extents.merge(extents_of(words.batch, words.seq));
  RunResult result;
  TensorMap inputs = given;
  for (const TensorInfo& info : infos)
    if (!given.contains(info.name)) result.random_inputs.push_back(info.name);
  if (!result.random_inputs.empty()) {
    inputs = model.random_inputs(extents, words.seed);
    for (const auto& [name, tensor] : given) inputs[name] = tensor;
    if (!context.quiet)
      print_note("seeded random data (seed " + std::to_string(words.seed) + ") for " + joined(result.random_inputs));
  }
  require_extents(model, inputs, words.batch, words.seq);

  SessionOptions options;
  options.precision = precision_option(words.precision);
  // A packed model brings its case along.
  if (!model.packed_case() || !words.isa.empty()) options.isa = isa;
  options.threads = words.threads;
  options.opt_level = words.opt_level;
  options.extents = extents;
  options.calibration_options.synthetic = is_synthetic(words.calibration);
  options.calibration = read_calibration(words.calibration, words.model, model, words.batch.value_or(1), context);
  options.streams = streams_option(words.streams);
  options.skip_padding = words.skip_padding;
  const Stopwatch preparing;
  Session session = compile(model, options, words.tune, context);
  result.prepare_ms = preparing.milliseconds();
  auto [outputs, inference_ms] = timed_outputs(session, inputs, words.skip_padding);
  result.inference_ms = inference_ms;
  result.precision = model.packed_case() ? model.packed_case()->precision : options.precision;
  result.isa = session.isa();
  result.threads = session.threads();
  result.warnings = session.warnings();
  for (const TensorInfo& output : model.outputs())
    result.outputs.emplace_back(output.name, std::move(outputs.at(output.name)));
  // Behind everything that the one inference has left in the session.
  if (session.streams() > 1) result.throughput = measure_streams(session, inputs);
  return result;
}

void print_notes(const RunWords& words, const RunResult& result, const Context& context) {
  if (context.quiet) return;
  for (const SessionWarning& warning : result.warnings) print_note("warning: " + warning.message);
  if (result.throughput)
    print_note(team_text(result.throughput->streams, result.threads) + ", all busy with " +
               std::to_string(result.throughput->requests) + " requests: " + quantity(result.throughput->per_s) +
               " per s, " + milliseconds(result.throughput->latency_ms.p50) + " ms for one (median), " +
               milliseconds(result.throughput->latency_ms.p99) + " (p99)");
  if (words.tune) print_note(tuned_bits);
}

void print_result(const RunWords& words, const RunResult& result, const Context& context) {
  if (words.json) {
    std::printf("%s\n",
                result_json(words, result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  for (const auto& [name, tensor] : result.outputs)
    std::printf("%s\n", printable(words.hash ? hash_line(name, tensor) : summary_line(name, tensor)).c_str());
  if (!context.quiet && context.terminal.stderr_is_terminal)
    print_note(std::string(name_of(result.precision)) + " on " + std::string(name_of(result.isa)) + ", " +
               std::to_string(result.threads) + (result.threads == 1 ? " thread" : " threads") + ": prepared in " +
               milliseconds(result.prepare_ms) + " ms, first inference in " + milliseconds(result.inference_ms) +
               " ms");
}

/// No output may take the place of something that was read.
void protect_inputs(const OutputDirectory& folder, const std::vector<std::string>& names, const Model& model,
                    const RunWords& words) {
  std::vector<std::string> inputs = model.files();
  inputs.push_back(words.calibration);
  for (const std::string& word : words.inputs) inputs.push_back(word.substr(word.find('=') + 1));
  for (const std::string& name : names) refuse_to_overwrite((folder.folder() / name).string(), inputs);
}

/// For `tessera launch`, which adds up what its instances achieved.
void tell_launcher(const Model& model, const RunResult& result) {
  const char* const path = std::getenv(launch_result_variable);
  if (path == nullptr || !result.throughput) return;
  write_throughput(path, {{model.name(), case_name(result.precision, result.isa), result.throughput->per_s}});
}

int run_model(const RunWords& words, const Context& context) {
  precision_option(words.precision);
  warn_of_threads(words.threads, context, streams_option(words.streams));
  const Isa isa = choose_isa(words.isa, words.strict, context);
  std::unique_ptr<OutputDirectory> folder;
  if (words.output_dir) folder = std::make_unique<OutputDirectory>(*words.output_dir);
  const Model model = Model::load(words.model);
  const std::vector<std::string> names = file_names(model.outputs());
  if (folder != nullptr) protect_inputs(*folder, names, model, words);
  RunResult result = infer(model, words, context, isa);
  if (folder != nullptr) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Tensor& tensor = result.outputs[i].second;
      folder->stage(names[i], [&tensor](const std::string& path) { write_npy(tensor, path); });
      result.files.push_back((folder->folder() / names[i]).string());
    }
    folder->commit();
  }
  tell_launcher(model, result);
  print_result(words, result, context);
  print_notes(words, result, context);
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("run", "run one model on given inputs and write its outputs");
  auto words = std::make_shared<RunWords>();
  command->add_option("model", words->model, "built-in name, .onnx or .tsr file, or Hugging Face folder")
      ->required()
      ->type_name("MODEL");
  command->add_option("--precision", words->precision, "fp32, bf16, int8 or int8-dynamic [fp32]")->type_name("P");
  command->add_option("--isa", words->isa, "highest instruction set to use [the best here]")->type_name("ISA");
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, most_threads));
  add_stream_options(*command, words->streams);
  command->add_option("--input", words->inputs, "may be repeated; inputs not given are seeded random [all random]")
      ->type_name("NAME=FILE.npy")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--output-dir", words->output_dir, "write each output to DIR/NAME.npy ('/' becomes '_')")
      ->type_name("DIR");
  command->add_option("--batch", words->batch, "inputs per inference [1, or as the inputs have it]")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_option("--seq", words->seq, "tokens per input of a text model [128, or as the inputs have it]")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_option("--opt-level", words->opt_level, "0: node by node as the file has it; 1: optimised [1]")
      ->type_name("L")
      ->check(between(0, 1));
  command->add_option("--calibration", words->calibration, calibration_help)->type_name("DIR|FILE");
  add_tune_option(*command, words->tune);
  command->add_option("--seed", words->seed, "of random inputs [1]")->type_name("N")->check(not_negative());
  command->add_flag("--skip-padding", words->skip_padding,
                    "do not compute what the mask says is padding: zeros in the outputs");
  command->add_flag("--hash", words->hash, "print NAME SHAPE DTYPE SHA256 for each output");
  command->add_flag("--strict", words->strict, "an unavailable instruction set is an error (exit status 3)");
  command->add_flag("--json", words->json, "print the result as JSON, and nothing else");
  command->callback([words, &context] { context.action = [words, &context] { return run_model(*words, context); }; });
}

}  // namespace tessera::tool
