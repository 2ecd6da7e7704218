// All passes on whole small models, written as exporters write them.
#include <numbers>

#include "passes_support.hpp"

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

class BertLike : public Net {
 public:
  static constexpr std::int64_t hidden = 32, heads = 4, layers = 2, vocabulary = 50, positions = 16;

  /// `decomposed`: LayerNormalization in parts; `transposed`: weights as [N, K] behind a Transpose.
  explicit BertLike(bool decomposed, bool transposed) : decomposed_(decomposed), transposed_(transposed) {
    const ValueId ids = input("ids", {Dim("batch"), Dim("seq")}, DataType::i64);
    const ValueId attention_mask = input("mask", {Dim("batch"), Dim("seq")}, DataType::i64);
    const ValueId mask = additive(attention_mask);
    const ValueId length = op("Unsqueeze", {extent(ids, 1), constant(indices({0}))});
    std::vector<std::int64_t> places(positions);
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = static_cast<std::int64_t>(i);
    const ValueId all = constant(tensor_of<std::int64_t>({1, positions}, places));
    const ValueId at =
        op("Slice", {all, constant(indices({0})), length, constant(indices({1})), constant(indices({1}))});
    ValueId x = op("Add", {op("Gather", {weight({vocabulary, hidden}, 1), ids}),
                           op("Gather", {weight({positions, hidden}, 1), at})});
    x = norm(x);
    for (std::int64_t i = 0; i < layers; ++i) x = layer(x, mask);
    output(x);
    const ValueId first = op("Gather", {x, constant(Tensor::scalar(std::int64_t{0}))}, {{"axis", std::int64_t{1}}});
    output(op("Tanh",
              {op("Gemm", {first, weight({hidden, hidden}, 0.2F), weight({hidden})}, {{"transB", std::int64_t{1}}})}));
  }

 private:
  ValueId extent(ValueId x, std::int64_t axis) {
    return op("Gather", {op("Shape", {x}), constant(Tensor::scalar(axis))}, {{"axis", std::int64_t{0}}});
  }
  ValueId additive(ValueId mask) {
    const ValueId wide = op("Unsqueeze", {op("Unsqueeze", {mask, constant(indices({1}))}), constant(indices({2}))});
    const ValueId real = op("Cast", {wide}, {{"to", std::int64_t{1}}});
    return op("Mul", {op("Sub", {number(1), real}), number(std::numeric_limits<float>::lowest())});
  }
  ValueId linear(ValueId x, std::int64_t from, std::int64_t to) {
    const float range = std::sqrt(3.0F / static_cast<float>(from));
    const ValueId w = transposed_ ? transpose(weight({to, from}, range), {1, 0}) : weight({from, to}, range);
    return op("Add", {weight({to}, 0.1F), op("MatMul", {x, w})});
  }
  ValueId norm(ValueId x) {
    const ValueId gamma = constant(random_tensor({hidden}, 5, 0.8F, 1.2F)), beta = weight({hidden}, 0.1F);
    if (!decomposed_) return op("LayerNormalization", {x, gamma, beta}, {{"epsilon", 1e-12F}});
    const Attributes last{{"axes", ints({-1})}};
    const ValueId centred = op("Sub", {x, op("ReduceMean", {x}, last)});
    const ValueId variance = op("ReduceMean", {op("Pow", {centred, number(2)})}, last);
    const ValueId deviation = op("Sqrt", {op("Add", {variance, number(1e-12F)})});
    return op("Add", {op("Mul", {op("Div", {centred, deviation}), gamma}), beta});
  }
  /// [B, S, hidden] -> [B, S, heads, depth] by a target computed from the shape, then `perm`.
  ValueId split(ValueId x, std::vector<std::int64_t> perm) {
    const ValueId zero = constant(indices({0}));
    const ValueId batch = op("Unsqueeze", {extent(x, 0), zero}), seq = op("Unsqueeze", {extent(x, 1), zero});
    const ValueId target = op("Concat", {batch, seq, constant(indices({heads})), constant(indices({hidden / heads}))},
                              {{"axis", std::int64_t{0}}});
    return transpose(op("Reshape", {x, target}), std::move(perm));
  }
  ValueId attention(ValueId x, ValueId mask) {
    const ValueId q = linear(x, hidden, hidden), k = linear(x, hidden, hidden), v = linear(x, hidden, hidden);
    const ValueId product = op("MatMul", {split(q, {0, 2, 1, 3}), split(k, {0, 2, 3, 1})});
    const ValueId scores =
        op("Add", {op("Div", {product, number(std::sqrt(static_cast<float>(hidden / heads)))}), mask});
    const ValueId p = op("Dropout", {op("Softmax", {scores}, {{"axis", std::int64_t{-1}}})});
    const ValueId context = transpose(op("MatMul", {p, split(v, {0, 2, 1, 3})}), {0, 2, 1, 3});
    const ValueId zero = constant(indices({0}));
    const ValueId batch = op("Unsqueeze", {extent(context, 0), zero}),
                  seq = op("Unsqueeze", {extent(context, 1), zero});
    const ValueId target = op("Concat", {batch, seq, constant(indices({hidden}))}, {{"axis", std::int64_t{0}}});
    return op("Reshape", {context, target});
  }
  ValueId layer(ValueId x, ValueId mask) {
    ValueId y = op("Dropout", {linear(attention(x, mask), hidden, hidden)});
    x = norm(op("Add", {y, x}));
    y = linear(x, hidden, 4 * hidden);
    const ValueId erf = op("Erf", {op("Div", {y, number(std::numbers::sqrt2_v<float>)})});
    y = op("Mul", {op("Mul", {y, op("Add", {erf, number(1)})}), number(0.5F)});
    return norm(op("Add", {linear(y, 4 * hidden, hidden), x}));
  }

  bool decomposed_, transposed_;
};

std::vector<Tensor> tokens(std::int64_t batch, std::int64_t seq) {
  Tensor ids(DataType::i64, {batch, seq}), mask(DataType::i64, {batch, seq});
  std::int64_t next = 7;
  for (std::int64_t& id : ids.mutable_as<std::int64_t>()) id = (next = next * 31 % 1009) % BertLike::vocabulary;
  std::ranges::fill(mask.mutable_as<std::int64_t>(), 1);
  mask.mutable_as<std::int64_t>().back() = 0;
  return {ids, mask};
}

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
