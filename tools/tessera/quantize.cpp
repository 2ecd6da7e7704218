// tessera quantize: calibrates a float model on real data and writes it as an INT8 ONNX file with QuantizeLinear and
// DequantizeLinear nodes, together with what that costs and brings, layer by layer.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "command.hpp"
#include "core/error.hpp"
#include "data/items.hpp"
#include "data/model_inputs.hpp"
#include "data/open_dataset.hpp"
#include "formats/atomic_file.hpp"
#include "formats/onnx_writer.hpp"
#include "formats/same_file.hpp"
#include "interrupt.hpp"
#include "quantize_report.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {
namespace {

struct QuantizeWords {
  std::string model, calibration, validation, output;
  std::string method = "mse", gelu_method, smoothquant = "auto", metric = "auto", fallback = "auto",
              attention = "linears";
  double percentile = 99.99;
  std::optional<double> max_drop;
  std::int64_t items = 0;
  int threads = 0;
  bool int8_residual = false, round_sums = false, no_bias_correction = false, speed_aware = false,
       no_sensitivity = false, json = false;
};

CalibrationMethod method_option(const std::string& option, const std::string& word) {
  if (const auto method = calibration_method_from_name(word)) return *method;
  reject(option + " " + word, "no such method", "use minmax, moving-average, percentile, entropy or mse");
}

AttentionProducts attention_option(const std::string& word) {
  if (const auto products = attention_products_from_name(word)) return *products;
  reject("--attention " + word, "no such choice", "use linears, qk or full");
}

ScoreMetric metric_option(const std::string& word) {
  if (const auto metric = score_metric_from_name(word)) return *metric;
  reject("--metric " + word, "no such metric", "use auto, top1, agreement or cosine");
}

std::optional<Precision> fallback_option(const std::string& word) {
  if (word == "auto") return std::nullopt;
  const auto precision = precision_from_name(word);
  if (precision == Precision::fp32 || precision == Precision::bf16) return precision;
  reject("--fallback " + word, "is no float precision", "use auto, bf16 or fp32");
}

/// "auto", "off" or alpha.
void set_smoothquant(QuantizeOptions& options, const std::string& word) {
  options.search_smoothquant = word == "auto";
  if (word == "auto" || word == "off") return;
  char* end = nullptr;
  const double alpha = std::strtod(word.c_str(), &end);
  if (word.empty() || *end != '\0' || !(alpha >= 0 && alpha <= 1))
    reject("--smoothquant " + word, "is no alpha", "use a number from 0 to 1, auto or off");
  options.calibration.smoothquant = alpha;
}

QuantizeOptions options_of(const QuantizeWords& words) {
  QuantizeOptions options;
  options.calibration.method = method_option("--method", words.method);
  if (!words.gelu_method.empty()) options.calibration.gelu_method = method_option("--gelu-method", words.gelu_method);
  options.calibration.percentile = words.percentile;
  options.calibration.attention = attention_option(words.attention);
  options.calibration.int8_residual = words.int8_residual;
  options.calibration.round_sums = words.round_sums;
  options.calibration.bias_correction = !words.no_bias_correction;
  set_smoothquant(options, words.smoothquant);
  options.max_drop = words.max_drop;
  options.fallback = fallback_option(words.fallback);
  options.metric = metric_option(words.metric);
  options.speed_aware = words.speed_aware;
  options.sensitivity = !words.no_sensitivity;
  options.threads = words.threads;
  return options;
}

/// The file, or its weights beside it, must not take the place of something that was read.
void protect_inputs(const Model& model, const QuantizeWords& words) {
  std::vector<std::string> inputs = model.files();
  inputs.insert(inputs.end(), {words.calibration, words.validation});
  for (const std::string& output : {words.output, external_data_path(words.output)})
    refuse_to_overwrite(output, inputs);
}

int quantize_model(const QuantizeWords& words, const Context& context) {
  QuantizeOptions options = options_of(words);
  warn_of_threads(words.threads, context);
  { const AtomicFile writable(words.output); }  // better to hear of it now than when all is done
  QuantizationReport report;
  {
    ProgressLine progress(context.terminal, context.terminal.stderr_is_terminal && !context.quiet);
    progress.stage("loading " + words.model);
    const Model model = Model::load(words.model);
    protect_inputs(model, words);
    const DatasetModel target = dataset_model(words.model, model);
    const std::int64_t batch = fixed_batch(target.inputs).value_or(1);
    const std::unique_ptr<Dataset> calibration = open_dataset(words.calibration, target);
    std::unique_ptr<Dataset> validation;
    if (!words.validation.empty()) {
      validation = open_dataset(words.validation, target);
      options.validation = items_of(*validation, words.validation, 0, batch);
    }
    std::string shown;
    options.progress = [&](std::string_view activity, std::int64_t done, std::int64_t total) {
      if (shown != activity) progress.stage(shown = activity);
      progress.update(static_cast<double>(done) / static_cast<double>(total));
      InterruptWatch::throw_if_interrupted();
    };
    std::vector<std::string> notes = calibration->notes();
    if (validation != nullptr)
      for (std::string& note : validation->notes()) notes.push_back(std::move(note));
    const Model quantized =
        model.quantize(items_of(*calibration, words.calibration, words.items, batch), options, &report);
    report.warnings.insert(report.warnings.begin(), notes.begin(), notes.end());
    if (report.gate_holds) {
      progress.stage("writing " + words.output);
      quantized.save(words.output);
    }
  }
  if (!context.quiet)
    for (const std::string& warning : report.warnings) print_note(warning);
  const QuantizationSource source{
      words.model,  words.calibration, words.validation.empty() ? words.calibration : words.validation,
      words.output, words.method,      words.max_drop};
  if (words.json)
    std::printf("%s\n", quantization_json(report, source).c_str());
  else
    print_quantization(report, source);
  if (report.gate_holds) return 0;
  std::fflush(stdout);
  fail("quantization of " + words.model, "the drop exceeds --max-drop even with all layers that can change in FP32",
       "allow a larger drop");
}

/// Ctrl-C leaves no half-made file behind: what has begun to be written is finished, or removed on the way out.
int quantize_or_stop(const QuantizeWords& words, const Context& context) {
  const InterruptWatch watch;
  try {
    return quantize_model(words, context);
  } catch (const InterruptWatch::Interrupted&) {
    return InterruptWatch::exit_status();
  }
}

}  // namespace

void add_quantize(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("quantize", "calibrate a model and write it as an INT8 (QDQ) ONNX file");
  auto words = std::make_shared<QuantizeWords>();
  command->add_option("model", words->model, "built-in name or .onnx file")->required()->type_name("MODEL");
  command
      ->add_option("--calibration", words->calibration,
                   "images, texts or arrays (.npz, .npy) that are like those the model will see")
      ->required()
      ->type_name("DIR|FILE");
  command->add_option("-o,--output", words->output, "the file to write")->required()->type_name("FILE.onnx");
  command->add_option("--method", words->method, "minmax, moving-average, percentile, entropy or mse [mse]")
      ->type_name("M");
  command->add_option("--gelu-method", words->gelu_method, "the same for the outputs of GELU [as --method]")
      ->type_name("M");
  command->add_option("--percentile", words->percentile, "for percentile: percent of elements to keep [99.99]")
      ->type_name("P")
      ->check(between(50.0, 100.0));
  command->add_option("--smoothquant", words->smoothquant, "alpha from 0 to 1, auto or off [auto]")->type_name("ALPHA");
  command->add_option("--items", words->items, "calibrate on at most N items, spread over the data [all]")
      ->type_name("N")
      ->check(between<std::int64_t>(1, 1000000));
  command->add_option("--max-drop", words->max_drop, "points the score may lose; sensitive layers then stay in float")
      ->type_name("PCT")
      ->check(between(0.0, 100.0));
  command
      ->add_option(
          "--fallback", words->fallback,
          "what sensitive layers stay in: bf16 (fp32 where that is not enough), fp32, or auto: bf16 where this "
          "CPU is faster with it [auto]")
      ->type_name("PRECISION");
  command
      ->add_option("--attention", words->attention,
                   "what of attention is INT8: linears, qk (and Q x K) or full (and P x V) [linears]")
      ->type_name("RUNG");
  command->add_flag("--int8-residual", words->int8_residual,
                    "the residual stream of a transformer in INT8: linear layers add what they read");
  command->add_flag("--round-sums", words->round_sums,
                    "round the sum of a convolution to u8 before its residual is added, so that ONNX Runtime runs all "
                    "of the file in INT8, to the same bytes");
  command->add_option("--metric", words->metric, "auto, top1, agreement or cosine [auto]")->type_name("NAME");
  command->add_option("--validation", words->validation, "data for the score [the calibration data]")
      ->type_name("DIR|FILE");
  command->add_flag("--speed-aware,!--keep-slower", words->speed_aware,
                    "leave layers in FP32 that are timed to be slower in INT8 here: the file then depends on this "
                    "machine, and on the run [--keep-slower]");
  command->add_flag("--no-bias-correction", words->no_bias_correction, "leave biases as they are");
  command->add_flag("--no-sensitivity", words->no_sensitivity, "do not measure layers one by one");
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, 1024));
  command->add_flag("--json", words->json, "print the result as JSON, and nothing else");
  command->callback(
      [words, &context] { context.action = [words, &context] { return quantize_or_stop(*words, context); }; });
}

}  // namespace tessera::tool
