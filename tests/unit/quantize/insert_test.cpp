// insert_qdq and smooth on an encoder and a residual network, by what the plan's passes make of the result.
#include <set>

#include "engine/graph_runner.hpp"
#include "kernels/tiers.hpp"
#include "quantize/accuracy.hpp"
#include "quantize/insert_qdq.hpp"
#include "quantize/smooth.hpp"
#include "unit/engine/session_support.hpp"
#include "unit/support/bert_like.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

/// A graph with the activations that its layers read, observed on the given inputs by the reference evaluation.
struct Observed {
  QuantizableModel model;
  RangeObserver ranges;

  CalibrationOptions how;

  Observed(Graph graph, const std::vector<Tensor>& inputs, CalibrationOptions options = {}) : how(std::move(options)) {
    run_passes(graph, standard_passes(), nullptr);
    model = find_layers(std::move(graph));
    observe(inputs);
  }

  void observe(const std::vector<Tensor>& inputs) {
    Graph outputs = model.fused;
    if (how.round_sums) take_sums_apart(outputs, model.layers);
    const auto axes = activations_of(model.layers, how);
    const std::size_t before = outputs.outputs.size();
    for (const auto& [name, axis] : axes) outputs.outputs.push_back(outputs.find(name));
    std::vector<Binding> bindings;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      for (std::size_t axis = 0; axis < inputs[i].shape().rank(); ++axis)
        if (const Dim& dim = outputs.value(outputs.inputs[i]).shape.dims[axis]; dim.symbolic())
          bindings.push_back({dim.symbol(), inputs[i].shape()[axis]});
    bind_shapes(outputs, bindings);
    const std::vector<Tensor> values = evaluate(outputs, inputs);
    ranges = RangeObserver();
    std::size_t at = before;
    for (const auto& [name, axis] : axes) {
      const Tensor& tensor = values[at++];
      ranges.observe(name, tensor, axis < 0 ? static_cast<int>(tensor.shape().rank()) - 1 : axis);
    }
  }

  Graph quantized(const QdqOptions& options = {}) {
    Graph graph = model.standard;
    QuantizedWeightStore weights;
    insert_qdq(graph, model.layers, ranges, weights, options);
    graph.validate();
    infer_shapes(graph);
    return graph;
  }
};

Graph fused(Graph graph) {
  run_passes(graph, fusing_passes(), nullptr);
  return graph;
}

int float_products(const Graph& graph) {
  return static_cast<int>(std::ranges::count_if(graph.nodes, [&](const Node& node) {
    return (node.op == "FusedConv" || node.op == "FusedMatMul") && graph.value(node.inputs[1]).type == DataType::f32;
  }));
}

TEST(InsertQdq, AResidualNetworkPassesIntegersFromLayerToLayer) {
  Observed net(small_resnet(), {random_tensor({2, 3, 20, 20}, 1)});
  EXPECT_EQ(net.model.layers.size(), 6U);  // four convolutions, the pooling that follows one, a linear layer
  const Graph graph = fused(net.quantized());
  EXPECT_EQ(float_products(graph), 0) << to_text(graph);
  EXPECT_EQ(count(graph, "QuantizeLinear"), 1) << ops_of(graph);  // of the image
  EXPECT_EQ(count(graph, "DequantizeLinear"), 0) << ops_of(graph);
  for (const Node& node : graph.nodes)
    if (node.op == "MaxPool" || node.op == "GlobalAveragePool") {
      EXPECT_EQ(graph.value(node.outputs[0]).type, DataType::u8) << node.name;
    }
}

TEST(InsertQdq, SumsAreRoundedBeforeTheResidualOnlyWhereAskedTo) {
  const Tensor image = random_tensor({2, 3, 20, 20}, 1);
  for (const bool round_sums : {false, true}) {
    CalibrationOptions how;
    how.round_sums = round_sums;
    Observed net(small_resnet(), {image}, how);
    const Graph graph = fused(net.quantized(qdq_options(how)));
    EXPECT_EQ(float_products(graph), 0) << to_text(graph);
    int adding = 0;
    for (const Node& node : graph.nodes) {
      if (node.op != "FusedConv" || !node.has_input(3)) continue;
      ++adding;
      EXPECT_EQ(node.find_attribute<float>("sum_scale") != nullptr, round_sums) << node.name;
    }
    EXPECT_EQ(adding, 1);
  }
}

// What takes a fused convolution apart to observe its sum must not change what the graph computes.
TEST(TakeSumsApart, LeavesTheOutputsAlone) {
  Graph graph = small_resnet();
  run_passes(graph, standard_passes(), nullptr);
  const QuantizableModel model = find_layers(std::move(graph));
  Graph whole = model.fused, apart = model.fused;
  take_sums_apart(apart, model.layers);
  apart.validate();
  EXPECT_EQ(count(apart, "Add"), count(whole, "Add") + 1) << to_text(apart);
  const std::vector<Tensor> image{random_tensor({2, 3, 20, 20}, 1)};
  const std::vector<Binding> batch{{"batch", 2}};
  for (Graph* bound : {&whole, &apart}) bind_shapes(*bound, batch);
  EXPECT_TRUE(same_bits(evaluate(whole, image).front(), evaluate(apart, image).front()));
}

TEST(InsertQdq, WritesStandardOpsOnlyWithScalesPerChannelAndIntegerBiases) {
  Observed net(small_resnet(), {random_tensor({2, 3, 20, 20}, 1)});
  const Graph graph = net.quantized();
  int weights = 0, biases = 0;
  for (const Node& node : graph.nodes) {
    EXPECT_FALSE(node.op.starts_with("Fused"));
    if (node.op != "DequantizeLinear" || !graph.value(node.inputs[0]).is_constant()) continue;
    const Tensor& integers = graph.value(node.inputs[0]).constant;
    (integers.type() == DataType::s32 ? biases : weights) += 1;
    EXPECT_EQ(node.attribute_or<std::int64_t>("axis", -1), 0);
    EXPECT_EQ(graph.value(node.inputs[1]).constant.shape(), Shape{integers.shape()[0]});
  }
  EXPECT_EQ(weights, 5);
  EXPECT_EQ(biases, 5);
}

/// Two branches joined along their channels, as SqueezeNet and Inception have them, in front of a convolution.
Graph fire_module(bool read_twice) {
  Net net;
  const ValueId x = net.input("image", {Dim("batch"), 3, 9, 9});
  const auto conv = [&](ValueId in, const Shape& w, std::int64_t pad) {
    return net.op("Relu", {net.op("Conv", {in, net.weight(w, 0.3F), net.weight(Shape{w[0]})},
                                  {{"pads", ints({pad, pad, pad, pad})}})});
  };
  const ValueId squeezed = conv(x, Shape{8, 3, 1, 1}, 0);
  const ValueId a = conv(squeezed, Shape{5, 8, 1, 1}, 0), b = conv(squeezed, Shape{11, 8, 3, 3}, 1);
  const ValueId joined = net.op("Concat", {a, b}, {{"axis", std::int64_t{1}}});
  const ValueId pooled = net.op("MaxPool", {joined}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}});
  net.output(conv(pooled, Shape{4, 16, 3, 3}, 1));
  if (read_twice) net.output(a);
  return net.graph;
}

TEST(InsertQdq, TheInputsOfAConcatShareItsScale) {
  Observed net(fire_module(false), {random_tensor({2, 3, 9, 9}, 1)});
  const Graph standard = net.quantized();
  const Graph graph = fused(standard);
  EXPECT_EQ(ops_of(graph), "QuantizeLinear FusedConv FusedConv FusedConv Concat MaxPool FusedConv");
  const Node& concat = *std::ranges::find_if(graph.nodes, [](const Node& node) { return node.op == "Concat"; });
  for (const ValueId part : concat.inputs) {
    EXPECT_EQ(graph.value(part).type, DataType::u8);
    EXPECT_EQ(graph.value(part).quantization, graph.value(concat.outputs[0]).quantization);
  }
  // What the plan makes of it, on every way to join: images with a border, pixels of odd length.
  WeightStore weights;
  for (const Isa isa : {Isa::avx2, best_runnable(cpu_features())}) {
    GraphRunner runner(graph, isa, 2, weights), plain(standard, isa, 2, weights);
    const TensorMap image{{"image", random_tensor({3, 3, 9, 9}, 5)}};
    const Tensor joined = GraphRunner::first_output(runner.run(image, "test"));
    const Tensor spelled_out = GraphRunner::first_output(plain.run(image, "test"));
    AccuracyMeter meter;
    meter.add(spelled_out, joined);
    EXPECT_GT(meter.result().cosine, 0.9999) << "the same roundings but for ties";
  }
}

TEST(InsertQdq, AConcatOfValuesThatOthersReadKeepsItsFloats) {
  Observed net(fire_module(true), {random_tensor({2, 3, 9, 9}, 1)});
  const Graph graph = fused(net.quantized());
  const Node& concat = *std::ranges::find_if(graph.nodes, [](const Node& node) { return node.op == "Concat"; });
  EXPECT_EQ(graph.value(concat.outputs[0]).type, DataType::f32);
}

TEST(InsertQdq, LayersThatStayInFloatAreLeftAlone) {
  Observed net(small_resnet(), {random_tensor({2, 3, 20, 20}, 1)});
  std::set<std::string> all;
  for (const QuantizableLayer& layer : net.model.layers) {
    if (!layer.follows.empty()) continue;
    EXPECT_EQ(float_products(fused(net.quantized({{layer.name}, true}))), 1) << layer.name;
    all.insert(layer.name);
  }
  const Graph graph = net.quantized({all, true});
  EXPECT_EQ(count(graph, "QuantizeLinear"), 0);
  expect_same(net.model.standard, graph, {random_tensor({1, 3, 20, 20}, 3)});
}

TEST(InsertQdq, AnEncoderHasAllItsLinearLayersInIntegersAndItsProjectionsMerged) {
  for (const bool decomposed : {false, true}) {
    for (const bool transposed : {false, true}) {
      const BertLike net(decomposed, transposed);
      Observed observed(net.graph, tokens(2, 6));
      const Graph graph = fused(observed.quantized());
      EXPECT_EQ(float_products(graph), 0) << to_text(graph);
      EXPECT_EQ(count(graph, "FusedMatMul"), 4 * BertLike::layers + 1) << ops_of(graph);
      EXPECT_EQ(count(graph, "FusedAttention"), BertLike::layers);
      for (const Node& node : graph.nodes)
        if (node.op == "FusedMatMul" && node.attribute_or("activation", std::string("none")) == "gelu") {
          EXPECT_EQ(graph.value(node.outputs[0]).type, DataType::u8) << "integers behind GELU, not in front of it";
        }
    }
  }
}

TEST(InsertQdq, MergedProjectionsAreTheIntegersOfTheSeparateOnes) {
  const BertLike net(false, true);
  Observed observed(net.graph, tokens(2, 6));
  const Graph apart = observed.quantized(), merged = fused(apart);
  const auto is_merged = [](const Node& node) { return node.op == "FusedMatMul" && node.name.ends_with("_qkv"); };
  const Node& product = *std::ranges::find_if(merged.nodes, is_merged);
  const QuantizableLayer& layer = *std::ranges::find_if(
      observed.model.layers, [&](const QuantizableLayer& candidate) { return candidate.name == product.name; });
  ASSERT_EQ(layer.products.size(), 3U);
  const Value& weights = merged.value(product.inputs[1]);
  const std::int64_t n = BertLike::hidden;
  ASSERT_EQ(weights.constant.shape(), (Shape{n, 3 * n}));
  for (std::int64_t part = 0; part < 3; ++part) {
    const int index = node_index(apart, layer.products[static_cast<std::size_t>(part)]);
    const Uses uses(apart);
    const Node& dequantize =
        apart.nodes[static_cast<std::size_t>(uses.producer(apart.nodes[static_cast<std::size_t>(index)].inputs[1]))];
    const Tensor& integers = apart.value(dequantize.inputs[0]).constant;
    const Tensor& scales = apart.value(dequantize.inputs[1]).constant;
    for (std::int64_t k = 0; k < n; ++k) {
      for (std::int64_t c = 0; c < n; ++c) {
        ASSERT_EQ(weights.constant.as<std::int8_t>()[static_cast<std::size_t>(k * 3 * n + part * n + c)],
                  integers.as<std::int8_t>()[static_cast<std::size_t>(k * n + c)]);
        ASSERT_EQ(weights.quantization->scale[static_cast<std::size_t>(part * n + c)],
                  scales.as<float>()[static_cast<std::size_t>(c)]);
      }
    }
  }
}

TEST(Smooth, LeavesEveryFloatAsItWas) {
  for (const bool decomposed : {false, true}) {
    for (const double alpha : {0.0, 0.5, 1.0}) {
      const BertLike net(decomposed, true);
      Observed observed(net.graph, tokens(2, 6));
      const Graph before = observed.model.standard;
      // Two layers: in each what the projections and the first of the FFN read, and what attention wrote; and the
      // pooler's token.
      EXPECT_GE(smooth(observed.model, observed.ranges, alpha), 6) << alpha;
      observed.model.standard.validate();
      // Powers of two do not round: not a single bit differs. LayerNormalization in one node rounds differently.
      expect_same(before, observed.model.standard, tokens(1, 9), decomposed ? 2 * 6 * 2 * 128 * epsilon : 0);
    }
  }
}

TEST(Smooth, EvensOutTheChannelsThatAreRead) {
  BertLike net(false, false);
  // The first channels of every LayerNormalization become outliers.
  for (const Node& node : net.graph.nodes)
    if (node.op == "LayerNormalization")
      for (std::size_t i = 0; i < 2; ++i) net.graph.value(node.inputs[1]).constant.mutable_as<float>()[i] *= 64;
  Observed observed(net.graph, tokens(2, 6));
  const auto spread = [&](const std::string& x) {
    const std::vector<float>& largest = observed.ranges.channels(x)->largest;
    return *std::ranges::max_element(largest) / *std::ranges::min_element(largest);
  };
  const auto first_projection = [&] {
    return std::ranges::find_if(observed.model.layers,
                                [](const QuantizableLayer& layer) { return layer.products.size() == 3; })
        ->x;
  };
  const float before = spread(first_projection());
  ASSERT_GT(smooth(observed.model, observed.ranges, 1.0), 0);
  observed.observe(tokens(2, 6));
  // With alpha 1 all channels end within a power of two of each other, and of their rounding.
  EXPECT_GT(before, 30.0F);
  EXPECT_LE(spread(first_projection()), 2.0F);
}

TEST(BiasCorrection, KeepsTheMeanOfALayer) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 16});
  net.output(net.op("Gemm", {x, net.weight({8, 16}), net.weight({8})}, {{"transB", std::int64_t{1}}}));
  // All inputs positive, so that rounding errors of the weights do not average out.
  const Tensor data = random_tensor({64, 16}, 3, 1, 2);
  Observed observed(net.graph, {data});
  const auto mean_error = [&](bool corrects) {
    const Graph graph = observed.quantized({{}, corrects});
    const Tensor exact = evaluate(observed.model.standard, std::vector{data})[0];
    Graph bound = graph;
    bind_shapes(bound, std::vector<Binding>{{"batch", 64}});
    const Tensor rounded = evaluate(bound, std::vector{data})[0];
    double worst = 0;
    for (std::size_t c = 0; c < 8; ++c) {
      double sum = 0;
      for (std::size_t r = 0; r < 64; ++r)
        sum += static_cast<double>(rounded.as<float>()[r * 8 + c] - exact.as<float>()[r * 8 + c]);
      worst = std::max(worst, std::fabs(sum / 64));
    }
    return worst;
  };
  EXPECT_LT(mean_error(true), mean_error(false) / 2);
}

}  // namespace
}  // namespace tessera
