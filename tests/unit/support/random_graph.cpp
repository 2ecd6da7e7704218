#include "unit/support/random_graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "unit/passes/support.hpp"

namespace tessera::testing {
namespace {

/// Draws that depend on the seed alone, not on the standard library's distributions.
class Draw {
 public:
  explicit Draw(std::uint32_t seed) : engine_(seed) {}
  std::int64_t upto(std::int64_t n) { return static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(n)); }
  bool once_in(std::int64_t n) { return upto(n) == 0; }
  template <typename T, std::size_t n>
  T one_of(const std::array<T, n>& values) {
    return values[static_cast<std::size_t>(upto(n))];
  }

 private:
  std::mt19937 engine_;
};

std::int64_t extent_of(const Graph& graph, ValueId value, std::size_t axis) {
  return graph.value(value).shape.dims[axis].value();
}

class ImageNetwork {
 public:
  explicit ImageNetwork(std::uint32_t seed) : draw_(seed) {}

  RandomGraph build() {
    const Shape item{draw_.one_of(std::array{3L, 4L, 8L, 17L}), 5 + draw_.upto(16), 5 + draw_.upto(16)};
    images_.push_back(net_.input("x", {Dim("batch"), item[0], item[1], item[2]}));
    const std::int64_t steps = 3 + draw_.upto(8);
    for (std::int64_t i = 0; i < steps; ++i) add(step());
    if (draw_.once_in(2)) net_.output(images_.back());
    if (net_.graph.outputs.empty() || draw_.once_in(2)) net_.output(classifier(images_.back()));
    return {std::move(net_.graph), item};
  }

 private:
  void add(ValueId value) {
    infer_shapes(net_.graph);
    images_.push_back(value);
  }
  [[nodiscard]] std::int64_t channels(ValueId image) const { return extent_of(net_.graph, image, 1); }
  [[nodiscard]] std::int64_t least_side(ValueId image) const {
    return std::min(extent_of(net_.graph, image, 2), extent_of(net_.graph, image, 3));
  }
  [[nodiscard]] bool same_shape(ValueId a, ValueId b) const {
    return net_.graph.value(a).shape == net_.graph.value(b).shape;
  }
  /// Mostly the last image, so that networks are deep rather than wide.
  ValueId earlier() {
    const auto back =
        draw_.once_in(4) ? draw_.upto(static_cast<std::int64_t>(std::min<std::size_t>(images_.size(), 4))) : 0;
    return images_[images_.size() - 1 - static_cast<std::size_t>(back)];
  }

  ValueId step() {
    const ValueId x = earlier();
    switch (draw_.upto(10)) {
      case 0: return pool(x);
      case 1: return joined(x);
      case 2: return gated(x);
      case 3: return moved(x);
      case 4: return sum_with_earlier(activated(convolved(x)));
      default: return activated(convolved(x));
    }
  }

  /// Weights whose products keep the variance of what they read.
  ValueId weights(const Shape& shape) {
    std::int64_t fan_in = 1;
    for (std::size_t axis = 1; axis < shape.rank(); ++axis) fan_in *= shape[axis];
    return net_.weight(shape, std::sqrt(3.0F / static_cast<float>(fan_in)));
  }

  ValueId convolved(ValueId x) {
    const std::int64_t in = channels(x), side = least_side(x);
    const bool depthwise = draw_.once_in(4);
    const std::int64_t groups = depthwise ? in : (in % 2 == 0 && draw_.once_in(6) ? 2 : 1);
    const std::int64_t out = depthwise ? in : groups * draw_.one_of(std::array{4L, 8L, 15L, 16L, 24L});
    std::int64_t kernel = draw_.one_of(std::array{1L, 1L, 3L, 3L, 3L, 5L});
    const std::int64_t dilation = kernel == 3 && draw_.once_in(6) ? 2 : 1;
    if ((kernel - 1) * dilation + 1 > side) kernel = 1;
    const std::int64_t reach = (kernel - 1) * dilation;
    const std::int64_t before = draw_.once_in(5) ? 0 : reach / 2, after = draw_.once_in(5) ? 0 : reach - reach / 2;
    const std::int64_t stride = draw_.once_in(4) ? 2 : 1;
    std::vector<ValueId> inputs{x, weights(Shape{out, in / groups, kernel, kernel})};
    if (!draw_.once_in(3)) inputs.push_back(net_.weight(Shape{out}, 0.2F));
    const ValueId y = net_.op("Conv", inputs,
                              {{"group", groups},
                               {"strides", ints({stride, stride})},
                               {"dilations", ints({dilation, dilation})},
                               {"pads", ints({before, before, after, after})}});
    return draw_.once_in(4) ? normalized(y, out) : y;
  }
  ValueId normalized(ValueId x, std::int64_t channels) {
    const auto constant = [&](float low, float high) {
      return net_.constant(random_tensor(Shape{channels}, static_cast<std::uint32_t>(draw_.upto(1000)), low, high));
    };
    return net_.op("BatchNormalization",
                   {x, constant(0.5F, 1.5F), constant(-0.2F, 0.2F), constant(-0.2F, 0.2F), constant(0.5F, 1.5F)});
  }

  ValueId activated(ValueId x) {
    switch (draw_.upto(9)) {
      case 0: return net_.op("Clip", {x, net_.number(0), net_.number(6)});
      case 1: return net_.op("HardSwish", {x});
      case 2: return net_.op("Mul", {x, net_.op("Sigmoid", {x})});
      case 3: return net_.op("LeakyRelu", {x}, {{"alpha", 0.1F}});
      case 4: return net_.op("Tanh", {x});
      case 5: return x;
      default: return net_.op("Relu", {x});
    }
  }

  ValueId sum_with_earlier(ValueId x) {
    infer_shapes(net_.graph);
    for (auto other = images_.rbegin(); other != images_.rend(); ++other)
      if (same_shape(*other, x)) {
        const ValueId sum = net_.op("Add", {x, *other});
        return draw_.once_in(2) ? net_.op("Relu", {sum}) : sum;
      }
    return x;
  }

  ValueId pool(ValueId x) {
    if (least_side(x) < 3) return net_.op("Relu", {x});
    const std::int64_t kernel = 2 + draw_.upto(2), stride = 1 + draw_.upto(2), pad = kernel == 3 ? draw_.upto(2) : 0;
    Attributes window{{"kernel_shape", ints({kernel, kernel})},
                      {"strides", ints({stride, stride})},
                      {"pads", ints({pad, pad, pad, pad})},
                      {"ceil_mode", draw_.upto(2)}};
    if (draw_.once_in(2)) return net_.op("MaxPool", {x}, std::move(window));
    window["count_include_pad"] = draw_.upto(2);
    return net_.op("AveragePool", {x}, std::move(window));
  }

  /// Two branches along the channels.
  ValueId joined(ValueId x) {
    const std::int64_t in = channels(x);
    const ValueId branch = activated(net_.op("Conv", {x, weights(Shape{8, in, 1, 1})}));
    return net_.op("Concat", {x, branch}, {{"axis", std::int64_t{1}}});
  }

  /// Squeeze and excite.
  ValueId gated(ValueId x) {
    const std::int64_t in = channels(x);
    const ValueId mean = net_.op("GlobalAveragePool", {x});
    const ValueId squeezed = net_.op("Relu", {net_.op("Conv", {mean, weights(Shape{4, in, 1, 1})})});
    const ValueId gate = net_.op("Conv", {squeezed, weights(Shape{in, 4, 1, 1}), net_.weight(Shape{in}, 0.2F)});
    return net_.op("Mul", {x, net_.op(draw_.once_in(2) ? "Sigmoid" : "HardSigmoid", {gate})});
  }

  /// Elements in other places: a part of the channels, padding, the last axis first and back.
  ValueId moved(ValueId x) {
    const std::int64_t in = channels(x);
    switch (draw_.upto(3)) {
      case 0:
        return net_.op("Slice", {x, net_.constant(indices({0})), net_.constant(indices({(in + 1) / 2})),
                                 net_.constant(indices({1}))});
      case 1: return net_.op("Pad", {x, net_.constant(indices({0, 0, 1, 0, 0, 0, 0, 1}))});
      default: return net_.transpose(net_.op("Relu", {net_.transpose(x, {0, 2, 3, 1})}), {0, 3, 1, 2});
    }
  }

  ValueId classifier(ValueId x) {
    const std::int64_t in = channels(x);
    const ValueId flat = net_.op("Flatten", {net_.op("GlobalAveragePool", {x})});
    const ValueId scores =
        net_.op("Gemm", {flat, weights(Shape{10, in}), net_.weight(Shape{10}, 0.2F)}, {{"transB", std::int64_t{1}}});
    return draw_.once_in(3) ? net_.op("Softmax", {scores}, {{"axis", std::int64_t{1}}}) : scores;
  }

  Draw draw_;
  Net net_;
  std::vector<ValueId> images_;
};

class EncoderNetwork {
 public:
  explicit EncoderNetwork(std::uint32_t seed)
      : draw_(seed),
        heads_(draw_.one_of(std::array{1L, 2L, 4L})),
        width_(heads_ * draw_.one_of(std::array{8L, 16L, 20L, 32L})),
        length_(1 + draw_.upto(20)) {}

  RandomGraph build() {
    const ValueId x = net_.input("x", {Dim("batch"), length_, width_});
    ValueId stream = x;
    const std::int64_t layers = 1 + draw_.upto(3);
    for (std::int64_t i = 0; i < layers; ++i) {
      if (!draw_.once_in(4)) stream = normalized(sum(stream, attention(stream)));
      if (!draw_.once_in(4)) stream = normalized(sum(stream, feed_forward(stream)));
      if (draw_.once_in(4)) stream = net_.op(draw_.once_in(2) ? "Relu" : "Tanh", {linear(stream, width_, width_)});
    }
    if (stream == x) stream = linear(stream, width_, width_);
    if (draw_.once_in(3)) stream = net_.op("ReduceMean", {stream}, {{"axes", ints({1})}});
    net_.output(stream);
    return {std::move(net_.graph), Shape{length_, width_}};
  }

 private:
  ValueId linear(ValueId x, std::int64_t in, std::int64_t out) {
    const ValueId product =
        net_.op("MatMul", {x, net_.weight(Shape{in, out}, std::sqrt(3.0F / static_cast<float>(in)))});
    return draw_.once_in(4) ? product : net_.op("Add", {product, net_.weight(Shape{out}, 0.2F)});
  }
  ValueId sum(ValueId a, ValueId b) { return draw_.once_in(2) ? net_.op("Add", {a, b}) : net_.op("Add", {b, a}); }
  ValueId normalized(ValueId x) {
    if (draw_.once_in(4)) return x;
    const ValueId scale = net_.constant(random_tensor(Shape{width_}, 7, 0.5F, 1.5F));
    return net_.op("LayerNormalization", {x, scale, net_.weight(Shape{width_}, 0.2F)}, {{"epsilon", 1e-5F}});
  }
  ValueId gelu(ValueId x) {
    const ValueId error = net_.op("Erf", {net_.op("Div", {x, net_.number(std::sqrt(2.0F))})});
    return net_.op("Mul", {net_.op("Mul", {x, net_.op("Add", {error, net_.number(1)})}), net_.number(0.5F)});
  }
  ValueId feed_forward(ValueId x) {
    const std::int64_t inner = width_ * (1 + draw_.upto(3));
    const ValueId hidden = linear(x, width_, inner);
    return linear(draw_.once_in(3) ? net_.op("Relu", {hidden}) : gelu(hidden), inner, width_);
  }
  ValueId attention(ValueId x) {
    const std::int64_t size = width_ / heads_;
    const auto heads = [&](bool keys) {
      const ValueId split = net_.reshape(linear(x, width_, width_), {0, 0, heads_, size});
      return net_.transpose(split,
                            keys ? std::vector<std::int64_t>{0, 2, 3, 1} : std::vector<std::int64_t>{0, 2, 1, 3});
    };
    const ValueId q = heads(false), k = heads(true), v = heads(false);
    ValueId scores = net_.op("Div", {net_.op("MatMul", {q, k}), net_.number(std::sqrt(static_cast<float>(size)))});
    if (draw_.once_in(3)) scores = net_.op("Add", {scores, net_.weight(Shape{1, 1, length_, length_}, 1.0F)});
    const ValueId mixed = net_.op("MatMul", {net_.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}}), v});
    return linear(net_.reshape(net_.transpose(mixed, {0, 2, 1, 3}), {0, 0, width_}), width_, width_);
  }

  Draw draw_;
  std::int64_t heads_, width_, length_;
  Net net_;
};

}  // namespace

RandomGraph random_image_network(std::uint32_t seed) {
  RandomGraph network = ImageNetwork(seed).build();
  infer_shapes(network.graph);
  return network;
}

RandomGraph random_encoder(std::uint32_t seed) {
  RandomGraph network = EncoderNetwork(seed).build();
  infer_shapes(network.graph);
  return network;
}

TensorMap random_items(const RandomGraph& network, std::int64_t items, std::uint32_t seed) {
  std::vector<std::int64_t> dims{items};
  dims.insert(dims.end(), network.item.dims().begin(), network.item.dims().end());
  Tensor x(DataType::f32, Shape(std::span<const std::int64_t>(dims)));
  std::mt19937 engine(seed);
  // Sums of four uniform numbers: near enough to normal, and the same everywhere.
  for (float& element : x.mutable_as<float>()) {
    float sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<float>(engine() >> 8U) / static_cast<float>(1U << 24U) - 0.5F;
    element = sum * std::sqrt(3.0F);
  }
  return {{"x", std::move(x)}};
}

}  // namespace tessera::testing
