// ResNet folders. The tensors say all there is to know of the architecture; their names are torchvision's (and timm's)
// or those of transformers.
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "core/error.hpp"
#include "hub/families.hpp"
#include "hub/named_weights.hpp"
#include "models/resnet.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* first_convolution = "embedder.embedder.convolution.weight";  // in transformers' names

/// The number at the front of `text`, which is cut off with the character behind it.
std::int64_t take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(end - text.data()) + 1));
  return number;
}

/// torchvision's name of a tensor as transformers has it: layer1.0.conv2.weight is
/// encoder.stages.0.layers.0.layer.1.convolution.weight.
std::string transformers_name(std::string_view name, const std::string& prefix) {
  const std::string last(name.substr(name.rfind('.')));  // .weight, .bias, .running_mean ...
  if (name.starts_with("fc.")) return "classifier.1" + last;
  if (name.starts_with("conv1.")) return prefix + "embedder.embedder.convolution" + last;
  if (name.starts_with("bn1.")) return prefix + "embedder.embedder.normalization" + last;
  name.remove_prefix(std::string_view("layer").size());
  const std::int64_t stage = take_number(name), block = take_number(name);
  const std::string scope =
      prefix + "encoder.stages." + std::to_string(stage - 1) + ".layers." + std::to_string(block) + ".";
  if (name.starts_with("downsample.0")) return scope + "shortcut.convolution" + last;
  if (name.starts_with("downsample.1")) return scope + "shortcut.normalization" + last;
  const bool convolution = name.starts_with("conv");
  name.remove_prefix(convolution ? 4 : 2);  // conv, bn
  return scope + "layer." + std::to_string(take_number(name) - 1) + (convolution ? ".convolution" : ".normalization") +
         last;
}

bool has_transformers_names(const WeightFiles& files) {
  return files.holds(std::string("resnet.") + first_convolution) || files.holds(first_convolution);
}

/// Stages, widths and groups, as the shapes of the tensors have them.
void read_architecture(const NamedWeights& weights, ResNetConfig& config) {
  config.stem = weights.extent("conv1.weight", 0);
  config.channels = weights.extent("conv1.weight", 1);
  config.bottleneck = weights.holds("layer1.0.conv3.weight");
  config.classes = weights.extent("fc.weight", 0);
  config.shortcut_at_start = weights.holds("layer1.0.downsample.0.weight");
  config.stages.clear();
  for (std::int64_t stage = 1;; ++stage) {
    const std::string layer = "layer" + std::to_string(stage) + ".";
    if (stage > 1 && !weights.holds(layer + "0.conv1.weight")) break;
    std::int64_t blocks = 0;
    while (weights.holds(layer + std::to_string(blocks) + ".conv1.weight")) ++blocks;
    const std::string last = layer + (config.bottleneck ? "0.conv3.weight" : "0.conv2.weight");
    config.stages.push_back(
        {blocks, weights.extent(layer + "0.conv1.weight", 0), weights.extent(last, 0), stage == 1 ? 1 : 2});
  }
  if (!config.bottleneck) return;
  const std::int64_t width = weights.extent("layer1.0.conv2.weight", 0);
  const std::int64_t in_group = weights.extent("layer1.0.conv2.weight", 1);
  config.groups = in_group > 0 ? width / in_group : 1;
}

using Side = std::optional<std::pair<std::int64_t, std::int64_t>>;

Side side_of(const JsonValue& entry) {
  const auto pixels = [](const JsonValue* number) {
    const auto count = number == nullptr ? std::nullopt : number->integer();
    return count && *count > 0 && *count < 16385 ? count : std::nullopt;
  };
  if (const auto both = pixels(&entry)) return std::pair{*both, *both};
  if (const JsonValue* const edge = entry.find("shortest_edge")) return side_of(*edge);
  const auto height = pixels(entry.find("height")), width = pixels(entry.find("width"));
  return height && width ? Side({*height, *width}) : std::nullopt;
}

/// The side of the images as preprocessing cuts them, or as timm's config.json states it.
Side image_side(const std::string& folder, const JsonObject* config) {
  std::error_code error;
  if (const fs::path path = fs::path(folder) / "preprocessor_config.json"; fs::exists(path, error)) {
    const JsonObject preprocessing(path.string());
    for (const char* key : {"crop_size", "size"}) {
      const bool cut = preprocessing.flag("do_center_crop", false);
      const JsonValue* const entry = preprocessing.find(key);
      if (entry != nullptr && (std::string_view(key) == "size" || cut))
        if (const Side side = side_of(*entry)) return side;
    }
  }
  const JsonValue* const timm = config == nullptr ? nullptr : config->find("pretrained_cfg");
  const JsonValue* const size = timm == nullptr ? nullptr : timm->find("input_size");
  if (size == nullptr || !size->is_array() || size->elements().size() != 3) return std::nullopt;
  const Side height = side_of(size->at(1)), width = side_of(size->at(2));
  return height && width ? Side({height->first, width->first}) : std::nullopt;
}

}  // namespace

bool has_resnet_names(const WeightFiles& files) {
  return has_transformers_names(files) || (files.holds("conv1.weight") && files.holds("layer1.0.conv1.weight"));
}

Graph read_resnet(const JsonObject* config, const WeightFiles& files) {
  const bool transformers = has_transformers_names(files);
  const std::string prefix = files.holds(std::string("resnet.") + first_convolution) ? "resnet." : "";
  NamedWeights weights(files,
                       [&](const std::string& name) { return transformers ? transformers_name(name, prefix) : name; });
  ResNetConfig resnet;
  resnet.name = "resnet";
  read_architecture(weights, resnet);
  if (const Side side = image_side(files.folder(), config)) std::tie(resnet.height, resnet.width) = *side;
  if (transformers) {
    resnet.input = "pixel_values";
    if (config != nullptr && config->text("hidden_act", "relu") != "relu")
      config->reject_entry("hidden_act", "is not relu", "export the model as ONNX");
    resnet.stride_in_first = config != nullptr && config->flag("downsample_in_bottleneck", false);
    if (config != nullptr && config->flag("downsample_in_first_stage", false)) resnet.stages.front().stride = 2;
  }
  Graph graph = build_resnet(resnet, weights);
  weights.expect_all_used([](const std::string& name) { return !name.ends_with("num_batches_tracked"); });
  return graph;
}

}  // namespace tessera
