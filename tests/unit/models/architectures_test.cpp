// The built-in architectures: exact sizes, portable files, activations in range.
#include <algorithm>
#include <cmath>
#include <set>

#include "formats/onnx_reader.hpp"
#include "formats/onnx_writer.hpp"
#include "models/bert.hpp"
#include "models/inputs.hpp"
#include "models/registry.hpp"
#include "models/resnet.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using formats_testing::expect_same_constants;
using formats_testing::TemporaryFolder;

std::size_t count(const Graph& graph, const char* op) {
  return static_cast<std::size_t>(
      std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.op == op; }));
}

BertConfig tiny_bert() {
  BertConfig config;
  config.name = "tiny";
  config.layers = 2;
  config.heads = 2;
  config.hidden = 32;
  config.intermediate = 64;
  config.vocabulary = 100;
  config.positions = 16;
  return config;
}

struct Spread {
  double mean, deviation, largest;
};
Spread spread_of(const Tensor& tensor) {
  double sum = 0, squares = 0, largest = 0;
  for (const float element : tensor.as<float>()) {
    const auto x = static_cast<double>(element);
    sum += x;
    squares += x * x;
    largest = std::max(largest, std::isfinite(x) ? std::abs(x) : HUGE_VAL);
  }
  const auto n = static_cast<double>(tensor.shape().elements());
  return {sum / n, std::sqrt(squares / n - sum / n * (sum / n)), largest};
}

void expect_round_trip(const Graph& graph) {
  TemporaryFolder folder;
  write_onnx(graph, folder.file("m.onnx"));
  Graph back = read_onnx(folder.file("m.onnx"));
  infer_shapes(back);
  EXPECT_EQ(to_text(back), to_text(graph));
  expect_same_constants(back, graph);
}

/// Building takes a moment: all tests share one.
const Graph& resnet50() {
  static const Graph graph = build_resnet50(1);
  return graph;
}

TEST(ResNet50, Architecture) {
  const Graph& graph = resnet50();
  graph.validate();
  EXPECT_EQ(count_parameters(graph), 25'557'032);
  EXPECT_EQ(count(graph, "Conv"), 53U);
  EXPECT_EQ(count(graph, "BatchNormalization"), 53U);
  EXPECT_EQ(count(graph, "Relu"), 49U);
  EXPECT_EQ(count(graph, "Add"), 16U);
  EXPECT_EQ(to_string(graph.value(graph.inputs.at(0)).shape), "[batch, 3, 224, 224]");
  EXPECT_EQ(graph.value(graph.outputs.at(0)).name, "logits");
  EXPECT_EQ(to_string(graph.value(graph.outputs.at(0)).shape), "[batch, 1000]");
  // Version 1.5: the 3x3 convolution has the stride.
  for (const Node& node : graph.nodes) {
    if (node.op != "Conv" || !node.name.starts_with("/layer2/layer2.0/conv")) continue;
    const auto strides = node.attribute_or<std::vector<std::int64_t>>("strides", {});
    EXPECT_EQ(strides.at(0), node.name == "/layer2/layer2.0/conv2/Conv" ? 2 : 1) << node.name;
  }
}

TEST(ResNet50, RoundTrip) {
  expect_round_trip(resnet50());
}

// On smaller images than the model's own, to keep the plain evaluation short; the network does not care.
TEST(ResNet50, ActivationsStayInRange) {
  Graph graph = resnet50();
  graph.value(graph.inputs[0]).shape = SymbolicShape(Shape{1, 3, 64, 64});
  for (const Node& node : graph.nodes)
    if (node.op == "Relu") graph.outputs.push_back(node.outputs[0]);
  infer_shapes(graph);
  const auto outputs = evaluate(graph, random_inputs(graph, 99));
  const Spread logits = spread_of(outputs[0]);
  EXPECT_GT(logits.deviation, 0.3);
  EXPECT_LT(logits.deviation, 3.0);
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    const Spread activations = spread_of(outputs[i]);
    EXPECT_GT(activations.deviation, 0.2) << i;
    EXPECT_LT(activations.deviation, 3.0) << i;
    EXPECT_LT(activations.largest, 50.0) << i;
  }
}

TEST(Bert, ArchitectureOfBase) {
  const Graph graph = build_bert(bert_base(), 1);
  graph.validate();
  EXPECT_EQ(count_parameters(graph), 109'482'240);
  EXPECT_EQ(count(graph, "LayerNormalization"), 25U);
  EXPECT_EQ(count(graph, "Softmax"), 12U);
  EXPECT_EQ(count(graph, "Erf"), 12U);
  EXPECT_EQ(count(graph, "MatMul"), 12U * 8);
  std::vector<std::string> names;
  for (const ValueId id : graph.inputs) names.push_back(graph.value(id).name + " " + to_string(graph.value(id).shape));
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name + " " + to_string(graph.value(id).shape));
  EXPECT_EQ(names, (std::vector<std::string>{"input_ids [batch, seq]", "attention_mask [batch, seq]",
                                             "token_type_ids [batch, seq]", "last_hidden_state [batch, seq, 768]",
                                             "pooler_output [batch, 768]"}));
}

// Layers are alike and tables are linear in their rows: two small builds of the large width determine the whole.
TEST(Bert, ParametersOfLarge) {
  const BertConfig large = bert_large();
  const auto parameters = [&](std::int64_t layers) {
    BertConfig config = large;
    config.layers = layers;
    config.vocabulary = 10;
    return count_parameters(build_bert(config, 1));
  };
  const std::int64_t one = parameters(1), two = parameters(2);
  EXPECT_EQ(one + (large.layers - 1) * (two - one) + (large.vocabulary - 10) * large.hidden, 335'141'888);
}

TEST(Bert, RoundTrip) {
  expect_round_trip(build_bert(tiny_bert(), 1));
}

TEST(Bert, RunsAndHeedsTheMask) {
  Graph graph = build_bert(tiny_bert(), 1);
  std::vector<Tensor> inputs;
  {
    Graph bound = graph;
    bind_shapes(bound, std::vector<Binding>{{"batch", 2}, {"seq", 12}});
    inputs = random_inputs(bound, 5);
  }
  const Tensor hidden = evaluate(graph, inputs).at(0);
  ASSERT_EQ(hidden.shape(), (Shape{2, 12, 32}));
  const Spread spread = spread_of(hidden);
  EXPECT_NEAR(spread.deviation, 1.0, 0.2);  // a LayerNormalization with scales of 1 +- 0.1 ends it
  EXPECT_LT(spread.largest, 10.0);

  // What stands in a masked place reaches no other: row 1 has 7 tokens.
  auto changed = inputs;
  changed[0] = Tensor::from<std::int64_t>(inputs[0].shape(), inputs[0].as<std::int64_t>());
  for (std::size_t i = 12 + 7; i < 24; ++i) changed[0].mutable_as<std::int64_t>()[i] = 55;
  const Tensor other = evaluate(graph, changed).at(0);
  const auto first = hidden.as<float>(), second = other.as<float>();
  EXPECT_TRUE(std::equal(first.begin(), first.begin() + (12 + 7) * 32, second.begin()));
  EXPECT_FALSE(std::equal(first.begin(), first.end(), second.begin()));
}

TEST(BuiltInModels, TheSameSeedGivesTheSameWeights) {
  const Graph first = build_bert(tiny_bert(), 1), again = build_bert(tiny_bert(), 1),
              other = build_bert(tiny_bert(), 2);
  expect_same_constants(again, first);
  const ValueId id = first.find("encoder.layer.0.intermediate.dense.kernel");
  ASSERT_NE(id, no_value);
  EXPECT_NE(first.value(id).constant.as<float>()[0], other.value(id).constant.as<float>()[0]);
}

TEST(BuiltInModels, AreFoundByName) {
  std::set<std::string_view> names;
  for (const ModelEntry& model : built_in_models()) {
    EXPECT_EQ(find_model(model.name), &model);
    EXPECT_FALSE(model.description.empty());
    EXPECT_EQ(model.extents.at(0).symbol, "batch");
    EXPECT_TRUE(names.insert(model.name).second);
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"resnet50", "bert-base", "bert-large"}));
  EXPECT_EQ(find_model("resnet51"), nullptr);
  EXPECT_EQ(find_model("resnet50")->parameters, count_parameters(resnet50()));
}

}  // namespace
}  // namespace tessera
