// Which graphs may be cut into parts of their batch.
#include "compile/batch_items.hpp"

#include <gtest/gtest.h>

#include "unit/engine/session_support.hpp"
#include "unit/support/bert_like.hpp"

namespace tessera {
namespace {

using testing::BertLike;
using testing::indices;
using testing::ints;
using testing::Net;
using testing::random_tensor;

constexpr std::int64_t six_items = 6;

std::optional<std::string> refusal(const Graph& graph) {
  Graph item = graph, batch = graph;
  bind_shapes(item, std::vector<Binding>{{"batch", 1}, {"seq", 5}});
  bind_shapes(batch, std::vector<Binding>{{"batch", six_items}, {"seq", 5}});
  return why_not_by_item(item, batch, six_items);
}

std::optional<std::string> refusal_when_fused(Graph graph) {
  infer_shapes(graph);
  run_passes(graph, standard_passes(), nullptr);
  run_passes(graph, fusing_passes(), nullptr);
  return refusal(graph);
}

TEST(BatchItems, NetworksOfImagesAndTextsMayBeCut) {
  EXPECT_EQ(refusal(testing::small_resnet()), std::nullopt);
  EXPECT_EQ(refusal_when_fused(testing::small_resnet()), std::nullopt);
  for (const bool decomposed : {false, true}) {
    EXPECT_EQ(refusal(BertLike(decomposed, false).graph), std::nullopt);
    EXPECT_EQ(refusal_when_fused(BertLike(decomposed, false).graph), std::nullopt);
  }
}

/// A graph of one input x [batch, 4, 8] and what `body` makes of it.
template <typename Body>
std::optional<std::string> refusal_of(Body body) {
  Net net;
  const ValueId x = net.input("x", {Dim("batch"), 4, 8});
  net.output(body(net, x));
  infer_shapes(net.graph);
  return refusal(net.graph);
}

TEST(BatchItems, ViewsThatKeepTheOrderOfItemsMayBeCut) {
  EXPECT_EQ(refusal_of([](Net& net, ValueId x) { return net.reshape(x, {-1, 8}); }), std::nullopt);
  EXPECT_EQ(refusal_of([](Net& net, ValueId x) { return net.transpose(x, {0, 2, 1}); }), std::nullopt);
  EXPECT_EQ(refusal_of([](Net& net, ValueId x) {
              return net.op("MatMul", {net.reshape(x, {-1, 8}), net.weight({8, 3})});
            }),
            std::nullopt);
  EXPECT_EQ(refusal_of([](Net& net, ValueId x) { return net.op("Add", {x, net.weight({1, 4, 8})}); }), std::nullopt);
}

/// One scale for all rows of X is found in all items together; a scale for each row is not.
TEST(BatchItems, ProductsThatQuantizeTheirWholeInputMayNotBeCut) {
  for (const bool as_a_whole : {false, true}) {
    const auto reason = refusal_of([&](Net& net, ValueId x) {
      const ValueId weights = net.constant(Tensor(DataType::s8, Shape{8, 3}));
      net.graph.value(weights).quantization = Quantization{{0.5F, 0.5F, 0.5F}, {0, 0, 0}, 1};
      return net.op("FusedMatMul", {x, weights}, {{"quantize_input", std::int64_t{as_a_whole ? 1 : 0}}});
    });
    EXPECT_EQ(reason.has_value(), as_a_whole);
  }
}

struct Mixing {
  const char* name;
  ValueId (*body)(Net& net, ValueId x);
};

class BatchMixing : public ::testing::TestWithParam<Mixing> {};

TEST_P(BatchMixing, IsRefused) {
  const auto reason = refusal_of(GetParam().body);
  ASSERT_TRUE(reason.has_value());
  EXPECT_FALSE(reason->empty());
}

INSTANTIATE_TEST_SUITE_P(
    Operators, BatchMixing,
    ::testing::Values(
        Mixing{"SoftmaxOverItems",
               [](Net& net, ValueId x) {
                 return net.op("Softmax", {x}, {{"axis", std::int64_t{0}}});
               }},
        Mixing{"SoftmaxOverItemsFromTheEnd",
               [](Net& net, ValueId x) {
                 return net.op("Softmax", {x}, {{"axis", std::int64_t{-3}}});
               }},
        Mixing{"MeanOfItems",
               [](Net& net, ValueId x) {
                 const ValueId mean = net.op("ReduceMean", {x}, {{"axes", ints({0})}, {"keepdims", std::int64_t{1}}});
                 return net.op("Sub", {x, mean});
               }},
        Mixing{"MeanOfEverything",
               [](Net& net, ValueId x) {
                 return net.op("Sub", {x, net.op("ReduceMean", {x})});
               }},
        Mixing{"ConcatOfItems",
               [](Net& net, ValueId x) {
                 return net.op("Concat", {x, x}, {{"axis", std::int64_t{0}}});
               }},
        Mixing{"ConcatOfItemsAndAConstant",
               [](Net& net, ValueId x) {
                 return net.op("Concat", {x, net.weight({1, 4, 8})}, {{"axis", std::int64_t{0}}});
               }},
        Mixing{"TransposedBatch",
               [](Net& net, ValueId x) {
                 return net.transpose(x, {1, 0, 2});
               }},
        Mixing{"BatchFoldedIntoAnotherAxis",
               [](Net& net, ValueId x) {
                 return net.reshape(x, {8, -1});
               }},
        Mixing{"ThereAndBack",
               [](Net& net, ValueId x) {
                 return net.reshape(net.transpose(x, {2, 1, 0}), {-1, 4, 8});
               }},
        Mixing{"ReversedItems",
               [](Net& net, ValueId x) {
                 return net.op("Slice", {x, net.constant(indices({-1})), net.constant(indices({-1000})),
                                         net.constant(indices({0})), net.constant(indices({-1}))});
               }},
        Mixing{"ScaleOfTheWholeBatch",
               [](Net& net, ValueId x) {
                 const ValueId q = net.op("DynamicQuantizeLinear", {x});
                 return net.op("Cast", {q}, {{"to", std::int64_t{1}}});
               }},
        Mixing{"OneItemForAll",
               [](Net& net, ValueId x) {
                 const ValueId first = net.op("Gather", {x, net.constant(indices({0}))}, {{"axis", std::int64_t{0}}});
                 return net.op("Add", {x, first});
               }},
        Mixing{"NumberOfItems",
               [](Net& net, ValueId x) {
                 const ValueId count = net.op("Cast", {net.op("Size", {x})}, {{"to", std::int64_t{1}}});
                 return net.op("Div", {x, count});
               }},
        Mixing{"OutputWithoutItems", [](Net& net, ValueId) { return net.op("Relu", {net.weight({3})}); }}),
    [](const auto& test) { return test.param.name; });

TEST(BatchItems, AConvolutionThatChoosesOneScaleForTheBatchIsRefused) {
  Graph graph = testing::small_resnet();
  for (const Node& node : graph.nodes) {
    if (node.op != "Conv") continue;
    graph.value(node.inputs[1]).quantization = Quantization{{0.1F}, {0}, -1};
    break;
  }
  EXPECT_TRUE(refusal(graph).has_value());
}

TEST(BatchItems, ABatchThatIsNotTheFirstAxisIsRefused) {
  Net net;
  net.output(net.op("Relu", {net.input("x", {4, Dim("batch")})}));
  infer_shapes(net.graph);
  EXPECT_NE(refusal(net.graph)->find("input x"), std::string::npos);
}

}  // namespace
}  // namespace tessera
