// read_sentence_modules: modules.json and the folders it names.
#include "embedding/sentence_modules.hpp"

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "formats/folder.hpp"
#include "formats/json_file.hpp"
#include "formats/json_object.hpp"
#include "hub/weight_files.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* report = "report what model this is";

struct PoolingName {
  std::string_view name;  ///< in newer files
  const char* flag;       ///< in older ones
  Pooling pooling;
};
// In the order in which older files put several side by side.
constexpr std::array pooling_names{
    PoolingName{"cls", "pooling_mode_cls_token", Pooling::cls},
    PoolingName{"max", "pooling_mode_max_tokens", Pooling::max},
    PoolingName{"mean", "pooling_mode_mean_tokens", Pooling::mean},
    PoolingName{"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", Pooling::mean_sqrt_len}};
constexpr std::array unknown_flags{"pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};

Pooling pooling_called(const JsonObject& config, const JsonValue& name) {
  for (const PoolingName& known : pooling_names)
    if (name.is_string() && name.string() == known.name) return known.pooling;
  config.reject_entry("pooling_mode", "is none of cls, max, mean and mean_sqrt_len_tokens", report);
}

std::vector<Pooling> read_pooling(const JsonObject& config) {
  std::vector<Pooling> pooling;
  if (const JsonValue* const mode = config.find("pooling_mode")) {
    if (!mode->is_array()) return {pooling_called(config, *mode)};
    for (const JsonValue& name : mode->elements()) pooling.push_back(pooling_called(config, name));
  } else {
    for (const char* flag : unknown_flags)
      if (config.flag(flag, false)) config.reject_entry(flag, "is a way of pooling that is not known here", report);
    for (const PoolingName& known : pooling_names)
      if (config.flag(known.flag, false)) pooling.push_back(known.pooling);
  }
  return pooling.empty() ? std::vector{Pooling::mean} : pooling;
}

DenseModule read_dense(const std::string& folder) {
  const JsonObject config(path_in(folder, "config.json"));
  const WeightFiles files(folder);
  DenseModule dense;
  dense.weight = files.read("linear.weight");
  if (config.flag("bias", true)) dense.bias = files.read("linear.bias");
  if (dense.weight.shape().rank() != 2 || (!dense.bias.empty() && dense.bias.shape() != Shape{dense.weight.shape()[0]}))
    reject(folder, "the shapes of linear.weight and linear.bias do not fit", "download the model again");
  if (config.flag("use_residual", false))
    config.reject_entry("use_residual", "is true, which is not known here", report);
  const std::string activation = config.text("activation_function", "torch.nn.modules.activation.Tanh");
  dense.tanh = activation.ends_with(".Tanh");
  if (!dense.tanh && !activation.ends_with(".Identity"))
    config.reject_entry("activation_function", "is " + activation + ", which is not known here", report);
  return dense;
}

/// The folder of a module. Names from a file must not lead elsewhere.
std::string folder_of(const JsonObject& module, const std::string& root) {
  const std::string path = module.text("path");
  if (path.find("..") != std::string::npos || path.starts_with('/'))
    module.reject_entry("path", "leads out of the folder", "keep the modules of a model in its folder");
  return path_in(root, path);
}

void read_module(const JsonObject& module, const std::string& root, SentenceModules& modules) {
  const std::string type = module.text("type"), name = type.substr(type.rfind('.') + 1);
  const std::string folder = folder_of(module, root);
  if (name == "Transformer") {
    modules.encoder = folder;
    const std::string config = path_in(folder, "sentence_bert_config.json");
    modules.lower_case = JsonObject::if_there(config).flag("do_lower_case", false);
  } else if (name == "Pooling") {
    const JsonObject config(path_in(folder, "config.json"));
    modules.pooling = read_pooling(config);
    if (!config.flag("include_prompt", true) && !modules.prompt.empty())
      config.reject_entry("include_prompt", "is false, which is not known here", report);
  } else if (name == "Dense") {
    if (modules.normalize) module.reject_entry("type", "is a linear layer after the normalisation", report);
    modules.dense.push_back(read_dense(folder));
  } else if (name == "Normalize") {
    modules.normalize = true;
  } else {
    module.reject_entry("type", "is " + type + ", a module that is not known here", report);
  }
}

/// The prompt that is used where nobody names one.
std::string default_prompt(const std::string& folder) {
  const JsonObject config = JsonObject::if_there(path_in(folder, "config_sentence_transformers.json"));
  const std::string name = config.text("default_prompt_name");
  return name.empty() || !config.has("prompts") ? std::string() : config.object("prompts").text(name.c_str());
}

}  // namespace

SentenceModules read_sentence_modules(const std::string& folder) {
  const std::string list = path_in(folder, "modules.json");
  SentenceModules modules;
  modules.encoder = folder;
  std::error_code error;
  if (!fs::exists(list, error)) return modules;
  modules.prompt = default_prompt(folder);
  const JsonObject wrapped(JsonValue::Object{{"modules", read_json(list)}}, list);
  for (const JsonObject& module : wrapped.objects("modules")) read_module(module, folder, modules);
  return modules;
}

}  // namespace tessera
