// All passes on whole small models, written as exporters write them.
#include <numbers>

#include "unit/passes/support.hpp"
#include "unit/support/bert_like.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

// ---- a residual network
// -------------------------------------------------------------------------------------------------------

class ResNetLike : public Net {
 public:
  ResNetLike() {
    const ValueId image = input("image", {Dim("batch"), 3, 16, 16});
    ValueId x = op("Relu", {norm(image, 3, 8, 3, 2)});
    x = op("MaxPool", {x}, {{"kernel_shape", ints({3, 3})}, {"pads", ints({1, 1, 1, 1})}, {"strides", ints({2, 2})}});
    x = block(x, 8, 16, 1);
    x = block(x, 16, 16, 1);
    x = block(x, 16, 32, 2);
    x = op("Flatten", {op("GlobalAveragePool", {x})}, {{"axis", std::int64_t{1}}});
    output(op("Gemm", {x, weight({10, 32}), weight({10})}, {{"transB", std::int64_t{1}}}));
  }

 private:
  /// Convolution and normalization; weights scaled so that activations keep their size.
  ValueId norm(ValueId x, std::int64_t from, std::int64_t to, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t pad = kernel / 2;
    const float range = std::sqrt(3.0F / static_cast<float>(from * kernel * kernel));
    const ValueId y = op("Conv", {x, weight({to, from, kernel, kernel}, range)},
                         {{"pads", ints({pad, pad, pad, pad})}, {"strides", ints({stride, stride})}});
    const ValueId gamma = constant(random_tensor({to}, 5, 0.8F, 1.2F)),
                  variance = constant(random_tensor({to}, 6, 0.5F, 1.5F));
    return op("BatchNormalization", {y, gamma, weight({to}, 0.1F), weight({to}, 0.1F), variance});
  }
  ValueId block(ValueId x, std::int64_t from, std::int64_t to, std::int64_t stride) {
    const ValueId inner = op("Relu", {norm(x, from, 8, 1, 1)});
    const ValueId middle = op("Relu", {norm(inner, 8, 8, 3, stride)});
    const ValueId last = norm(middle, 8, to, 1, 1);
    const ValueId shortcut = from == to && stride == 1 ? x : norm(x, from, to, 1, stride);
    return op("Relu", {op("Add", {last, shortcut})});
  }
};

// Twelve convolutions deep, each folding and each sum of at most 144 products adds its rounding; the sums cancel by a
// factor of up to the square root of their length.
constexpr double resnet_tolerance = 12 * 2 * 144 * epsilon;

TEST(PassesOnModels, ResNetBecomesConvolutionsOnly) {
  const ResNetLike net;
  Graph after = net.graph;
  std::vector<PassNote> notes;
  run_passes(after, default_passes(), &notes);
  EXPECT_EQ(count(after, "FusedConv"), 12);
  EXPECT_EQ(count(after, "FusedMatMul"), 1);
  EXPECT_EQ(after.nodes.size(), 16U) << ops_of(after);  // and MaxPool, GlobalAveragePool, Reshape
  int residuals = 0, relus = 0;
  for (const Node& node : after.nodes) {
    if (node.op != "FusedConv") continue;
    residuals += node.has_input(3) ? 1 : 0;
    relus += activation_of(node) == "relu" ? 1 : 0;
  }
  EXPECT_EQ(residuals, 3);
  EXPECT_EQ(relus, 10) << "all but the two shortcuts";
  EXPECT_EQ(refusals(notes), "");
  expect_same(net.graph, after, {random_tensor({2, 3, 16, 16}, 1)}, resnet_tolerance);
}

TEST(PassesOnModels, ABoundGraphEndsTheSame) {
  const ResNetLike net;
  Graph symbolic = net.graph, bound = net.graph;
  const Binding bindings[] = {{"batch", 2}};
  bind_shapes(bound, bindings);
  run_passes(symbolic, default_passes(), nullptr);
  run_passes(bound, default_passes(), nullptr);
  EXPECT_EQ(ops_of(symbolic), ops_of(bound));
  bind_shapes(symbolic, bindings);
  expect_same(symbolic, bound, {random_tensor({2, 3, 16, 16}, 1)});
}

TEST(PassesOnModels, PassesAreIdempotent) {
  const ResNetLike net;
  Graph once = net.graph;
  run_passes(once, default_passes(), nullptr);
  Graph twice = once;
  std::vector<PassNote> notes;
  run_passes(twice, default_passes(), &notes);
  for (const PassNote& note : notes) EXPECT_FALSE(note.applied) << note.pass << " " << note.node << " " << note.why;
  EXPECT_EQ(to_text(once), to_text(twice));
}

// ---- an encoder
// ---------------------------------------------------------------------------------------------------------------

// Two layers of six steps each; a step sums at most 128 products and LayerNormalization brings magnitudes back to 1
// after each half.
constexpr double bert_tolerance = 2 * 6 * 2 * 128 * epsilon;

TEST(PassesOnModels, BertBecomesFusedLayers) {
  for (const bool decomposed : {false, true}) {
    for (const bool transposed : {false, true}) {
      const BertLike net(decomposed, transposed);
      Graph after = net.graph;
      run_passes(after, default_passes(), nullptr);
      const std::string layer =
          " FusedMatMul FusedAttention FusedMatMul LayerNormalization FusedMatMul FusedMatMul LayerNormalization";
      const std::string ops = ops_of(after);
      EXPECT_NE(ops.find("Add LayerNormalization" + layer + layer + " Gather FusedMatMul"), std::string::npos) << ops;
      EXPECT_EQ(count(after, "FusedMatMul"), 9);
      EXPECT_EQ(count(after, "Transpose"), 0);
      int residuals = 0;
      for (const Node& node : after.nodes) residuals += node.op == "FusedMatMul" && node.has_input(3) ? 1 : 0;
      EXPECT_EQ(residuals, 4);
      expect_same(net.graph, after, tokens(2, 6), bert_tolerance);
      expect_same(net.graph, after, tokens(1, 9), bert_tolerance);
    }
  }
}

TEST(PassesOnModels, NotesNameTheNodesAndSayWhy) {
  const BertLike net(true, false);
  Graph after = net.graph;
  std::vector<PassNote> notes;
  run_passes(after, default_passes(), &notes);
  std::map<std::string, int> applied;
  for (const PassNote& note : notes) {
    EXPECT_FALSE(note.node.empty());
    EXPECT_FALSE(note.why.empty());
    if (note.applied) ++applied[note.pass];
  }
  EXPECT_EQ(applied["layer_norm"], 5);
  EXPECT_EQ(applied["gelu"], 2);
  EXPECT_EQ(applied["attention"], 2);
  EXPECT_EQ(applied["qkv_merge"], 2);
  EXPECT_EQ(applied["epilogue"], 7) << "four residuals, two Gelu, one Tanh";
}

TEST(PassesOnModels, APassThatBreaksTheGraphIsNamed) {
  const ResNetLike net;
  Graph graph = net.graph;
  const Pass broken[] = {{"breaks", [](Graph& g, std::vector<PassNote>&) {
                            std::swap(g.nodes.front(), g.nodes.back());
                            return 1;
                          }}};
  try {
    run_passes(graph, broken, nullptr);
    FAIL() << "a graph out of order was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.subject(), "pass breaks");
  }
}

}  // namespace
}  // namespace tessera
