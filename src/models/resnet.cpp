#include "models/resnet.hpp"

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "models/inputs.hpp"
#include "models/probe.hpp"
#include "models/random.hpp"
#include "ops/op.hpp"

namespace tessera {
namespace {

constexpr float epsilon = 1e-5F;
constexpr std::int64_t classes = 1000;
constexpr std::int64_t expansion = 4;  // a bottleneck block ends with four times its width

struct Stage {
  std::int64_t blocks, width, stride;
};
constexpr std::array<Stage, 4> stages{{{3, 64, 1}, {4, 128, 2}, {6, 256, 2}, {3, 512, 2}}};

// Enough pixels for statistics of every channel (36 in the last stage), little enough work to go unnoticed.
constexpr std::int64_t probe_images = 4, probe_size = 96;

/// A value of the graph and what it holds for the probe images.
struct Traced {
  ValueId id;
  Probe probe;
};

class ResNetBuilder {
 public:
  explicit ResNetBuilder(std::uint64_t seed) : seed_(seed) { graph_.name = "resnet50"; }

  Graph build() {
    const ValueId input =
        graph_.add_input("input", DataType::f32, SymbolicShape({Dim("batch"), Dim(3), Dim(224), Dim(224)}));
    Traced x{input, probe_of(image_noise(Shape{probe_images, 3, probe_size, probe_size}, seed_))};
    x = relu(batch_norm(convolution(x, "/conv1", "conv1", 64, 7, 2), "/bn1", "bn1", 1.0F), "/relu/Relu");
    x = pool(x);
    for (std::size_t stage = 0; stage < stages.size(); ++stage)
      for (std::int64_t block = 0; block < stages[stage].blocks; ++block)
        x = bottleneck(x, "layer" + std::to_string(stage + 1), block, stages[stage].width,
                       block == 0 ? stages[stage].stride : 1);
    classify(x);
    infer_shapes(graph_);
    return std::move(graph_);
  }

 private:
  /// A closing batch norm with a small scale keeps the sum over sixteen residual branches from growing.
  static constexpr float residual_scale = 0.4F;

  Traced bottleneck(const Traced& x, const std::string& stage, std::int64_t block, std::int64_t width,
                    std::int64_t stride) {
    const std::string weights = stage + "." + std::to_string(block) + ".";
    const std::string scope = "/" + stage + "/" + stage + "." + std::to_string(block);
    Traced y = convolution(x, scope + "/conv1", weights + "conv1", width, 1, 1);
    y = relu(batch_norm(std::move(y), scope + "/bn1", weights + "bn1", 1.0F), scope + "/relu/Relu");
    y = convolution(y, scope + "/conv2", weights + "conv2", width, 3, stride);
    y = relu(batch_norm(std::move(y), scope + "/bn2", weights + "bn2", 1.0F), scope + "/relu_1/Relu");
    y = convolution(y, scope + "/conv3", weights + "conv3", width * expansion, 1, 1);
    y = batch_norm(std::move(y), scope + "/bn3", weights + "bn3", residual_scale);
    if (block != 0) return relu(sum(std::move(y), x, scope + "/Add"), scope + "/relu_2/Relu");
    Traced shortcut =
        convolution(x, scope + "/downsample/downsample.0", weights + "downsample.0", width * expansion, 1, stride);
    shortcut = batch_norm(std::move(shortcut), scope + "/downsample/downsample.1", weights + "downsample.1", 1.0F);
    return relu(sum(std::move(y), shortcut, scope + "/Add"), scope + "/relu_2/Relu");
  }

  Traced convolution(const Traced& x, const std::string& scope, const std::string& name, std::int64_t outputs,
                     std::int64_t kernel, std::int64_t stride) {
    const std::int64_t padding = kernel / 2;
    // He et al.: variance 2 / (outputs * kernel area) keeps the variance of gradients through ReLU.
    const float deviation = std::sqrt(2.0F / static_cast<float>(outputs * kernel * kernel));
    const Shape shape{outputs, x.probe.channels, kernel, kernel};
    const Tensor weights = normal_weights(shape, stream(name + ".weight"), deviation);
    using Integers = std::vector<std::int64_t>;
    const ValueId id = graph_.append("Conv", scope + "/Conv", {x.id, graph_.add_constant(name + ".weight", weights)},
                                     {{"dilations", Integers{1, 1}},
                                      {"group", std::int64_t{1}},
                                      {"kernel_shape", Integers{kernel, kernel}},
                                      {"pads", Integers(4, padding)},
                                      {"strides", Integers{stride, stride}}});
    const BorrowedElements elements = weights.borrow();
    return {id, convolve(x.probe, Tensor(DataType::f32, shape, elements.owner, elements.data), stride, padding)};
  }

  Traced batch_norm(Traced x, const std::string& scope, const std::string& name, float scale) {
    const Shape shape{x.probe.channels};
    Tensor weight(DataType::f32, shape);
    const RandomStream random = stream(name + ".weight");
    std::uint64_t index = 0;
    for (float& element : weight.mutable_as<float>()) element = scale * (0.8F + 0.4F * random.uniform(index++));
    const Tensor bias = normal_tensor(shape, stream(name + ".bias"), 0.1F);
    const ChannelStatistics statistics = channel_statistics(x.probe);
    normalise(x.probe, statistics, weight.as<float>(), bias.as<float>(), epsilon);

    const ValueId id =
        graph_.append("BatchNormalization", scope + "/BatchNormalization",
                      {x.id, graph_.add_constant(name + ".weight", weight), graph_.add_constant(name + ".bias", bias),
                       graph_.add_constant(name + ".running_mean", Tensor::from<float>(shape, statistics.mean)),
                       graph_.add_constant(name + ".running_var", Tensor::from<float>(shape, statistics.variance))},
                      {{"epsilon", epsilon}, {"momentum", 0.9F}, {"training_mode", std::int64_t{0}}});
    return {id, std::move(x.probe)};
  }

  Traced relu(Traced x, const std::string& name) {
    rectify(x.probe);
    return {graph_.append("Relu", name, {x.id}), std::move(x.probe)};
  }

  Traced sum(Traced x, const Traced& other, const std::string& name) {
    add(x.probe, other.probe);
    return {graph_.append("Add", name, {x.id, other.id}), std::move(x.probe)};
  }

  Traced pool(const Traced& x) {
    using Integers = std::vector<std::int64_t>;
    const ValueId id = graph_.append("MaxPool", "/maxpool/MaxPool", {x.id},
                                     {{"ceil_mode", std::int64_t{0}},
                                      {"dilations", Integers{1, 1}},
                                      {"kernel_shape", Integers{3, 3}},
                                      {"pads", Integers{1, 1, 1, 1}},
                                      {"strides", Integers{2, 2}}});
    return {id, max_pool(x.probe)};
  }

  void classify(const Traced& x) {
    const ValueId pooled = graph_.append("GlobalAveragePool", "/avgpool/GlobalAveragePool", {x.id});
    const ValueId features = graph_.append("Flatten", "/Flatten", {pooled}, {{"axis", std::int64_t{1}}});
    // Logits of unit variance, whatever the features' size.
    const std::int64_t width = x.probe.channels;
    const float deviation = 1.0F / (pooled_magnitude(x.probe) * std::sqrt(static_cast<float>(width)));
    const ValueId weight =
        graph_.add_constant("fc.weight", normal_weights(Shape{classes, width}, stream("fc.weight"), deviation));
    const ValueId bias = graph_.add_constant("fc.bias", normal_tensor(Shape{classes}, stream("fc.bias"), 0.02F));
    const ValueId logits = graph_.append("Gemm", "/fc/Gemm", {features, weight, bias},
                                         {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
    graph_.value(logits).name = "logits";
    graph_.outputs = {logits};
  }

  [[nodiscard]] RandomStream stream(const std::string& name) const { return {seed_, name}; }

  std::uint64_t seed_;
  Graph graph_;
};

}  // namespace

Graph build_resnet50(std::uint64_t seed) {
  return ResNetBuilder(seed).build();
}

}  // namespace tessera
