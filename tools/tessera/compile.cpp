// tessera compile: a model, compiled for one case, as a file that starts in milliseconds.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "calibration.hpp"
#include "command.hpp"
#include "compare/cases.hpp"
#include "compare/format.hpp"
#include "cpu/case_name.hpp"
#include "formats/same_file.hpp"
#include "stopwatch.hpp"

namespace tessera::tool {
namespace {

struct CompileWords {
  std::string model, chosen_case, output, calibration;
  std::optional<int> batch, seq;
  int threads = 0;
  bool json = false;
};

SessionOptions options_of(const CompileWords& words) {
  const CaseRequest request = parse_case(words.chosen_case);
  SessionOptions options;
  options.precision = request.precision;
  options.isa = request.isa ? *request.isa : best_isa_below(availability_here(), isa_ceiling_from_environment());
  options.threads = words.threads;
  options.extents = extents_of(words.batch, words.seq);
  return options;
}

/// The file must not take the place of the model, of its weights or of the data.
void protect_inputs_of(const Model& model, const CompileWords& words) {
  std::vector<std::string> inputs = model.files();
  inputs.push_back(words.calibration);
  refuse_to_overwrite(words.output, inputs);
}

int compile_model(const CompileWords& words, const Context& context) {
  SessionOptions options = options_of(words);
  warn_of_threads(words.threads, context);
  const Stopwatch watch;
  std::string name;
  {
    ProgressLine progress(context.terminal, context.terminal.stderr_is_terminal && !context.quiet);
    progress.stage("loading " + words.model);
    const Model model = Model::load(words.model);
    protect_inputs_of(model, words);
    options.calibration_options.synthetic = is_synthetic(words.calibration);
    options.calibration = read_calibration(words.calibration, words.model, model, words.batch.value_or(1), context);
    progress.stage("compiling for " + words.chosen_case + " and writing " + words.output);
    model.save_packed(words.output, options);
    name = model.name();
  }
  const double seconds = watch.seconds();
  const double megabytes = static_cast<double>(std::filesystem::file_size(words.output)) / 1e6;
  const std::string packed_case = case_name(options.precision, *options.isa);
  if (words.json)
    std::printf("%s\n", nlohmann::ordered_json{{"model", name},
                                               {"case", packed_case},
                                               {"file", words.output},
                                               {"megabytes", megabytes},
                                               {"seconds", seconds}}
                            .dump(2)
                            .c_str());
  else if (!context.quiet)
    std::printf("%s: %s for %s, %s MB, in %s s\n", printable(words.output).c_str(), printable(name).c_str(),
                packed_case.c_str(), fixed(megabytes, 1).c_str(), fixed(seconds, 1).c_str());
  return 0;
}

}  // namespace

void add_compile(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("compile", "write a model packed for one case: a file that is mapped and starts at once");
  auto words = std::make_shared<CompileWords>();
  command->add_option("model", words->model, "built-in name, .onnx file or Hugging Face folder")
      ->required()
      ->type_name("MODEL");
  command->add_option("--case", words->chosen_case, "PRECISION[@ISA], the best ISA here if none is named")
      ->required()
      ->type_name("CASE");
  command->add_option("-o,--output", words->output, "the file to write")->required()->type_name("FILE.tsr");
  command->add_option("--calibration", words->calibration, calibration_help)->type_name("DIR|FILE");
  command->add_option("--batch", words->batch, "inputs per inference that are prepared for [1]; any others work, too")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_option("--seq", words->seq, "tokens per input of a text model, likewise [128]")
      ->type_name("N")
      ->check(between(1, 65536));
  command->add_option("--threads", words->threads, "0 for all usable CPUs [0]")
      ->type_name("N")
      ->check(between(0, most_threads));
  command->add_flag("--json", words->json, "print the result as JSON");
  command->footer("Run, compare and explain take the file as MODEL, on this version and a CPU that has the tier.");
  command->callback(
      [words, &context] { context.action = [words, &context] { return compile_model(*words, context); }; });
}

}  // namespace tessera::tool
