#include "models/resnet.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/deferred_tensor.hpp"
#include "models/inputs.hpp"
#include "models/probe.hpp"
#include "models/random.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

// Enough pixels for statistics of every channel (36 in the last stage), little enough work to go unnoticed.
constexpr std::int64_t probe_images = 4, probe_size = 96;

/// A value of the graph and, while weights are synthetic, what it holds for the probe images.
struct Traced {
  ValueId id;
  std::int64_t channels;
  std::optional<Probe> probe = std::nullopt;
};

using Integers = std::vector<std::int64_t>;

class ResNetBuilder {
 public:
  ResNetBuilder(const ResNetConfig& config, WeightSource& source, std::uint64_t probe_seed)
      : config_(config), source_(source), probe_seed_(probe_seed) {
    graph_.name = config.name;
  }

  Graph build() {
    const ValueId input =
        graph_.add_input(config_.input, DataType::f32,
                         SymbolicShape({Dim("batch"), Dim(config_.channels), Dim(config_.height), Dim(config_.width)}));
    Traced x{input, config_.channels};
    if (!source_.trained())
      x.probe = probe_of(image_noise(Shape{probe_images, config_.channels, probe_size, probe_size}, probe_seed_));
    x = convolution(x, "/conv1", "conv1", {.outputs = config_.stem, .kernel = 7, .stride = 2});
    x = relu(batch_norm(std::move(x), "/bn1", "bn1", 1.0F), "/relu/Relu");
    x = pool(x);
    for (std::size_t stage = 0; stage < config_.stages.size(); ++stage)
      for (std::int64_t block = 0; block < config_.stages[stage].blocks; ++block)
        x = residual_block(x, static_cast<std::int64_t>(stage), block);
    classify(x);
    infer_shapes(graph_);
    return std::move(graph_);
  }

 private:
  /// A closing batch norm with a small scale keeps the sum over sixteen residual branches from growing.
  static constexpr float residual_scale = 0.4F;

  struct Window {
    std::int64_t outputs, kernel = 1, stride = 1, groups = 1;
  };

  Traced residual_block(const Traced& x, std::int64_t stage_index, std::int64_t block) {
    const ResNetConfig::Stage& stage = config_.stages[static_cast<std::size_t>(stage_index)];
    const std::string layer = "layer" + std::to_string(stage_index + 1);
    const std::string weights = layer + "." + std::to_string(block) + ".";
    const std::string scope = "/" + layer + "/" + layer + "." + std::to_string(block);
    const std::int64_t stride = block == 0 ? stage.stride : 1;
    const auto shortcut = [&] {
      Traced y = convolution(x, scope + "/downsample/downsample.0", weights + "downsample.0",
                             {.outputs = stage.outputs, .stride = stride});
      return batch_norm(std::move(y), scope + "/downsample/downsample.1", weights + "downsample.1", 1.0F);
    };
    const bool projected = block == 0 && (stage_index != 0 || config_.shortcut_at_start);
    // The convolution that comes last takes the sum into its epilogue: in a trained network that of the branch, so that
    // the sum meets the branch before it is rounded.
    std::optional<Traced> other;
    if (projected && source_.trained()) other = shortcut();
    const std::vector<Window> windows = windows_of(stage, stride);
    Traced y = branch(x, windows, scope, weights);
    if (projected && !other) other = shortcut();
    return relu(sum(std::move(y), other ? *other : x, scope + "/Add"),
                scope + "/relu_" + std::to_string(windows.size() - 1) + "/Relu");
  }

  Traced branch(const Traced& x, const std::vector<Window>& windows, const std::string& scope,
                const std::string& weights) {
    Traced y{x.id, x.channels, x.probe};
    for (std::size_t i = 0; i < windows.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      const bool last = i + 1 == windows.size();
      y = convolution(y, scope + "/conv" + number, weights + "conv" + number, windows[i]);
      y = batch_norm(std::move(y), scope + "/bn" + number, weights + "bn" + number, last ? residual_scale : 1.0F);
      if (!last) y = relu(std::move(y), scope + (i == 0 ? "/relu/Relu" : "/relu_" + std::to_string(i) + "/Relu"));
    }
    return y;
  }

  [[nodiscard]] std::vector<Window> windows_of(const ResNetConfig::Stage& stage, std::int64_t stride) const {
    if (!config_.bottleneck)
      return {{.outputs = stage.width, .kernel = 3, .stride = stride}, {.outputs = stage.outputs, .kernel = 3}};
    const std::int64_t first = config_.stride_in_first ? stride : 1;
    return {{.outputs = stage.width, .stride = first},
            {.outputs = stage.width, .kernel = 3, .stride = stride / first, .groups = config_.groups},
            {.outputs = stage.outputs}};
  }

  Traced convolution(const Traced& x, const std::string& scope, const std::string& name, const Window& window) {
    const std::int64_t kernel = window.kernel, padding = kernel / 2;
    // He et al.: variance 2 / (outputs * kernel area) keeps the variance of gradients through ReLU.
    const float deviation = std::sqrt(2.0F / static_cast<float>(window.outputs * kernel * kernel));
    const Shape shape{window.outputs, x.channels / window.groups, kernel, kernel};
    const Tensor weights = source_.tensor(name + ".weight", shape, {.deviation = deviation, .on_demand = true});
    const ValueId id = graph_.append("Conv", scope + "/Conv", {x.id, graph_.add_constant(name + ".weight", weights)},
                                     {{"dilations", Integers{1, 1}},
                                      {"group", window.groups},
                                      {"kernel_shape", Integers{kernel, kernel}},
                                      {"pads", Integers(4, padding)},
                                      {"strides", Integers{window.stride, window.stride}}});
    Traced result{id, window.outputs};
    if (!x.probe) return result;
    const BorrowedElements elements = borrow(weights);
    result.probe =
        convolve(*x.probe, Tensor(DataType::f32, shape, elements.owner, elements.data), window.stride, padding);
    return result;
  }

  Traced batch_norm(Traced x, const std::string& scope, const std::string& name, float scale) {
    const Shape shape{x.channels};
    const Tensor weight =
        x.probe ? synthetic_scale(name + ".weight", shape, scale) : source_.tensor(name + ".weight", shape, {});
    const Tensor bias = source_.tensor(name + ".bias", shape, {.deviation = 0.1F});
    Tensor mean, variance;
    if (x.probe) {
      const ChannelStatistics statistics = channel_statistics(*x.probe);
      normalise(*x.probe, statistics, weight.as<float>(), bias.as<float>(), config_.epsilon);
      mean = Tensor::from<float>(shape, statistics.mean);
      variance = Tensor::from<float>(shape, statistics.variance);
    } else {
      mean = source_.tensor(name + ".running_mean", shape, {});
      variance = source_.tensor(name + ".running_var", shape, {});
    }
    x.id = graph_.append(
        "BatchNormalization", scope + "/BatchNormalization",
        {x.id, graph_.add_constant(name + ".weight", weight), graph_.add_constant(name + ".bias", bias),
         graph_.add_constant(name + ".running_mean", mean), graph_.add_constant(name + ".running_var", variance)},
        {{"epsilon", config_.epsilon}, {"momentum", 0.9F}, {"training_mode", std::int64_t{0}}});
    return x;
  }

  /// Between 0.8 and 1.2 times `scale`.
  Tensor synthetic_scale(const std::string& name, const Shape& shape, float scale) {
    Tensor weight(DataType::f32, shape);
    const RandomStream random(probe_seed_, name);
    std::uint64_t index = 0;
    for (float& element : weight.mutable_as<float>()) element = scale * (0.8F + 0.4F * random.uniform(index++));
    return weight;
  }

  Traced relu(Traced x, const std::string& name) {
    if (x.probe) rectify(*x.probe);
    x.id = graph_.append("Relu", name, {x.id});
    return x;
  }

  Traced sum(Traced x, const Traced& other, const std::string& name) {
    if (x.probe) add(*x.probe, *other.probe);
    x.id = graph_.append("Add", name, {x.id, other.id});
    return x;
  }

  Traced pool(const Traced& x) {
    const ValueId id = graph_.append("MaxPool", "/maxpool/MaxPool", {x.id},
                                     {{"ceil_mode", std::int64_t{0}},
                                      {"dilations", Integers{1, 1}},
                                      {"kernel_shape", Integers{3, 3}},
                                      {"pads", Integers{1, 1, 1, 1}},
                                      {"strides", Integers{2, 2}}});
    return {id, x.channels, x.probe ? std::optional(max_pool(*x.probe)) : std::nullopt};
  }

  void classify(const Traced& x) {
    const ValueId pooled = graph_.append("GlobalAveragePool", "/avgpool/GlobalAveragePool", {x.id});
    const ValueId features = graph_.append("Flatten", "/Flatten", {pooled}, {{"axis", std::int64_t{1}}});
    // Logits of unit variance, whatever the features' size.
    const float size = x.probe ? pooled_magnitude(*x.probe) : 1.0F;
    const Initial initial{.deviation = 1.0F / (size * std::sqrt(static_cast<float>(x.channels))), .on_demand = true};
    const Tensor weights = source_.tensor("fc.weight", Shape{config_.classes, x.channels}, initial);
    const Tensor offsets = source_.tensor("fc.bias", Shape{config_.classes}, {.deviation = 0.02F});
    const ValueId logits =
        graph_.append("Gemm", "/fc/Gemm",
                      {features, graph_.add_constant("fc.weight", weights), graph_.add_constant("fc.bias", offsets)},
                      {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
    graph_.value(logits).name = "logits";
    graph_.outputs = {logits};
  }

  const ResNetConfig& config_;
  WeightSource& source_;
  std::uint64_t probe_seed_;
  Graph graph_;
};

}  // namespace

Graph build_resnet(const ResNetConfig& config, WeightSource& source, std::uint64_t probe_seed) {
  return ResNetBuilder(config, source, probe_seed).build();
}

Graph build_resnet50(std::uint64_t seed) {
  SeededWeights source(seed);
  return build_resnet({}, source, seed);
}

}  // namespace tessera
