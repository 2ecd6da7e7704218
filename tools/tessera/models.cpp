// tessera models: the built-in architectures, and their ONNX files for other engines.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "command.hpp"
#include "core/error.hpp"
#include "formats/onnx_writer.hpp"
#include "models/registry.hpp"

namespace tessera::tool {
namespace {

struct ExportWords {
  std::string model, output;
  std::uint64_t seed = default_seed;
};

std::string joined_names() {
  std::string names;
  for (const ModelEntry& model : built_in_models()) names.append(names.empty() ? "" : ", ").append(model.name);
  return names;
}

/// "batch 1, seq 128"
std::string extents_text(const ModelEntry& model) {
  std::string text;
  for (const Binding& extent : model.extents)
    text.append(text.empty() ? "" : ", ").append(extent.symbol).append(" ").append(std::to_string(extent.extent));
  return text;
}

int list_models(bool json) {
  if (json) {
    auto entries = nlohmann::ordered_json::array();
    for (const ModelEntry& model : built_in_models()) {
      nlohmann::ordered_json extents;
      for (const Binding& extent : model.extents) extents[extent.symbol] = extent.extent;
      entries.push_back({{"name", model.name},
                         {"description", model.description},
                         {"parameters", model.parameters},
                         {"inputs", model.inputs == InputKind::image ? "image" : "tokens"},
                         {"extents", extents}});
    }
    std::printf("%s\n", entries.dump(2).c_str());
    return 0;
  }
  for (const ModelEntry& model : built_in_models())
    std::printf("%-12s %7.2f M parameters   %-18s %s\n", std::string(model.name).c_str(),
                static_cast<double>(model.parameters) / 1e6, extents_text(model).c_str(),
                std::string(model.description).c_str());
  return 0;
}

int export_model(const ExportWords& words, const Context& context) {
  const ModelEntry* model = find_model(words.model);
  if (model == nullptr)
    reject("model '" + words.model + "'", "no such built-in model", "choose one of " + joined_names());
  std::int64_t opset = 0;
  {
    ProgressLine progress(context.terminal, context.terminal.stderr_is_terminal && !context.quiet);
    progress.stage("building " + words.model);
    const Graph graph = model->build(words.seed);
    opset = graph.opset;
    progress.stage("writing " + words.output);
    write_onnx(graph, words.output, {.synthetic = true});
  }
  if (!context.quiet)
    std::printf("%s: %s, seed %llu, opset %lld, %lld parameters, %.1f MB\n", words.output.c_str(), words.model.c_str(),
                static_cast<unsigned long long>(words.seed), static_cast<long long>(opset),
                static_cast<long long>(model->parameters),
                static_cast<double>(std::filesystem::file_size(words.output)) / 1e6);
  return 0;
}

}  // namespace

void add_models(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("models", "list the built-in models; export one as ONNX");
  command->require_subcommand(0, 1);
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "the list as JSON");

  auto words = std::make_shared<ExportWords>();
  CLI::App* exporting = command->add_subcommand("export", "write a built-in model with its weights to an ONNX file");
  exporting->add_option("NAME", words->model, "one of " + joined_names())->required();
  exporting->add_option("-o,--output", words->output, "the file to write")->required()->type_name("FILE.onnx");
  exporting->add_option("--seed", words->seed, "seed of the synthetic weights")
      ->capture_default_str()
      ->check(not_negative());
  exporting->callback(
      [words, &context] { context.action = [words, &context] { return export_model(*words, context); }; });
  // Runs after the callback of a subcommand, whose choice stands.
  command->callback([command, json, &context] {
    if (command->get_subcommands().empty()) context.action = [json] { return list_models(*json); };
  });
}

}  // namespace tessera::tool
