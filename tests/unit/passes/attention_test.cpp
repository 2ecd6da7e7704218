// attention and qkv_merge.
#include "unit/passes/support.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

constexpr std::int64_t heads = 3, depth = 4, width = heads * depth;

/// How an exporter may have written attention.
struct Form {
  enum class Scale { div_scores, mul_scores, on_q, on_q_and_k, none } scale = Scale::div_scores;
  bool key_in_two_steps = false;  ///< Transpose to [B, H, T, D], then the last two axes
  bool mask = true, mask_first = false;
  std::vector<std::int64_t> mask_shape{0, 1, 1, 0};  ///< 0: as the scores
};

ValueId split(Net& net, ValueId x) {
  return net.reshape(x, {0, 0, heads, depth});
}

ValueId scores_of(Net& net, ValueId q, ValueId k, const Form& form) {
  ValueId query = net.transpose(split(net, q), {0, 2, 1, 3});
  ValueId key = form.key_in_two_steps ? net.transpose(net.transpose(split(net, k), {0, 2, 1, 3}), {0, 1, 3, 2})
                                      : net.transpose(split(net, k), {0, 2, 3, 1});
  switch (form.scale) {
    case Form::Scale::div_scores: return net.op("Div", {net.op("MatMul", {query, key}), net.number(2)});
    case Form::Scale::mul_scores: return net.op("Mul", {net.number(0.5F), net.op("MatMul", {query, key})});
    case Form::Scale::on_q: return net.op("MatMul", {net.op("Div", {query, net.number(2)}), key});
    case Form::Scale::on_q_and_k: {
      const ValueId root = net.number(std::sqrt(0.5F));
      return net.op("MatMul", {net.op("Mul", {query, root}), net.op("Mul", {key, root})});
    }
    case Form::Scale::none: break;
  }
  return net.op("MatMul", {query, key});
}

ValueId context_of(Net& net, ValueId probabilities, ValueId v) {
  const ValueId context = net.op("MatMul", {probabilities, net.transpose(split(net, v), {0, 2, 1, 3})});
  return net.reshape(net.transpose(context, {0, 2, 1, 3}), {0, 0, width});
}

ValueId attention(Net& net, ValueId q, ValueId k, ValueId v, ValueId mask, const Form& form) {
  ValueId scores = scores_of(net, q, k, form);
  if (form.mask) scores = form.mask_first ? net.op("Add", {mask, scores}) : net.op("Add", {scores, mask});
  return context_of(net, net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}}), v);
}

/// Q, K, V and the mask as graph inputs.
struct Inputs {
  ValueId q, k, v, mask;
  explicit Inputs(Net& net, const Form& form = {}, const Dim& keys = Dim("seq"))
      : q(net.input("q", {Dim("batch"), Dim("seq"), width})),
        k(net.input("k", {Dim("batch"), keys, width})),
        v(net.input("v", {Dim("batch"), keys, width})),
        mask(net.input("mask", mask_dims(form, keys))) {}

  static std::vector<Dim> mask_dims(const Form& form, const Dim& keys) {
    const std::vector<Dim> scores{Dim("batch"), Dim(heads), Dim("seq"), keys};
    std::vector<Dim> dims;
    for (std::size_t i = 0; i < form.mask_shape.size(); ++i) {
      dims.push_back(form.mask_shape[i] == 0 ? scores[i + 4 - form.mask_shape.size()] : Dim(form.mask_shape[i]));
    }
    return dims;
  }
};

std::vector<Tensor> sample(const Form& form = {}, std::int64_t keys = 5) {
  const std::vector<std::int64_t> scores{2, heads, 5, keys};
  Shape mask;
  for (std::size_t i = 0; i < form.mask_shape.size(); ++i) {
    mask.push_back(form.mask_shape[i] == 0 ? scores[i + 4 - form.mask_shape.size()] : form.mask_shape[i]);
  }
  return {random_tensor({2, 5, width}, 1), random_tensor({2, keys, width}, 2), random_tensor({2, keys, width}, 3),
          random_tensor(mask, 4, -3, 0)};
}

// Scores up to about depth in magnitude lose depth epsilons, which exp() passes on as a relative error; the weighted
// mean over the keys adds one epsilon a key.
constexpr double tolerance = (4 * depth + 2 * 5 + 8) * epsilon;

TEST(Attention, RecognisesTheFormsOfExporters) {
  const Form forms[] = {
      {},
      {.scale = Form::Scale::mul_scores, .mask_first = true},
      {.scale = Form::Scale::on_q, .key_in_two_steps = true},
      {.scale = Form::Scale::on_q_and_k, .key_in_two_steps = true},
      {.scale = Form::Scale::none, .mask = false},
      {.mask_shape = {0, 0, 0, 0}},
      {.mask_shape = {0, 0}},
      {.mask_shape = {1, 1, 0, 0}},
  };
  for (const Form& form : forms) {
    Net net;
    const Inputs in(net, form);
    net.output(attention(net, in.q, in.k, in.v, in.mask, form));
    Graph after = net.graph;
    apply(after, {&passes::fuse_attention});
    ASSERT_EQ(ops_of(after), "FusedAttention");
    const Node& node = after.nodes[0];
    EXPECT_EQ(node.attribute_or("num_heads", std::int64_t{0}), heads);
    EXPECT_FLOAT_EQ(node.attribute_or("scale", 0.0F), form.scale == Form::Scale::none ? 1.0F : 0.5F);
    EXPECT_EQ(node.has_input(3), form.mask);
    expect_same(net.graph, after, sample(form), tolerance);
  }
}

/// `x` through u8 and back.
ValueId through_u8(Net& net, ValueId x, float scale, std::uint8_t zero_point) {
  const std::vector<ValueId> parameters{net.number(scale), net.constant(Tensor::scalar(zero_point))};
  const ValueId integers = net.op("QuantizeLinear", {x, parameters[0], parameters[1]});
  return net.op("DequantizeLinear", {integers, parameters[0], parameters[1]});
}

TEST(Attention, TakesPairsAroundBothProductsIn) {
  for (const bool both : {true, false}) {
    Net net;
    const Inputs in(net);
    const ValueId q = through_u8(net, net.transpose(split(net, in.q), {0, 2, 1, 3}), 0.02F, 120);
    const ValueId k = through_u8(net, net.transpose(split(net, in.k), {0, 2, 3, 1}), 0.02F, 131);
    const ValueId scores = net.op("Add", {net.op("Div", {net.op("MatMul", {q, k}), net.number(2)}), in.mask});
    ValueId p = net.op("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
    ValueId v = net.transpose(split(net, in.v), {0, 2, 1, 3});
    if (both) p = through_u8(net, p, 1.0F / 255.0F, 0);
    if (both) v = through_u8(net, v, 0.02F, 128);
    const ValueId context = net.op("MatMul", {p, v});
    net.output(net.reshape(net.transpose(context, {0, 2, 1, 3}), {0, 0, width}));
    Graph after = net.graph;
    apply(after, {&passes::relax_qdq, &passes::fuse_attention});
    ASSERT_EQ(ops_of(after), "FusedAttention");
    const Node& node = after.nodes[0];
    EXPECT_EQ(node.attribute_or("q_scale", 0.0F), 0.02F);
    EXPECT_EQ(node.attribute_or("k_zero_point", std::int64_t{0}), 131);
    EXPECT_EQ(node.find_attribute<float>("v_scale") != nullptr, both);
    // A probability next to the middle between two integers may go to the other side.
    expect_same(net.graph, after, sample(), tolerance + (both ? 5.0 / 255.0 : 0.0));
  }
}

TEST(Attention, KeysMayBeAnotherSequence) {
  Net net;
  const Inputs in(net, {}, Dim("memory"));
  net.output(attention(net, in.q, in.k, in.v, in.mask, {}));
  Graph after = net.graph;
  apply(after, {&passes::fuse_attention});
  EXPECT_EQ(ops_of(after), "FusedAttention");
  expect_same(net.graph, after, sample({}, 7), tolerance + 4 * epsilon);
}

TEST(Attention, WorksOnABoundGraph) {
  Net net;
  const Inputs in(net);
  net.output(attention(net, in.q, in.k, in.v, in.mask, {}));
  const Binding bindings[] = {{"batch", 2}, {"seq", 5}};
  bind_shapes(net.graph, bindings);
  Graph after = net.graph;
  apply(after, {&passes::fuse_attention});
  EXPECT_EQ(ops_of(after), "FusedAttention");
  expect_same(net.graph, after, sample(), tolerance);
}

/// The reason given for an attention that `build` writes from Q, K, V and the mask.
template <typename Build>
std::string reason(const Build& build) {
  Net net;
  const Inputs in(net);
  build(net, in);
  const auto notes = apply(net.graph, {&passes::fuse_attention});
  EXPECT_EQ(count(net.graph, "FusedAttention"), 0);
  return refusals(notes);
}

TEST(Attention, SaysWhyNot) {
  const Attributes last{{"axis", std::int64_t{-1}}};
  EXPECT_NE(reason([&](Net& net, const Inputs& in) {
              const ValueId p = net.op("Softmax", {scores_of(net, in.q, in.k, {})}, last);
              net.output(p);
              net.output(context_of(net, p, in.v));
            }).find("are used elsewhere"),
            std::string::npos);
  EXPECT_NE(reason([](Net& net, const Inputs& in) {
              const ValueId p = net.op("Softmax", {scores_of(net, in.q, in.k, {})}, {{"axis", std::int64_t{2}}});
              net.output(context_of(net, p, in.v));
            }).find("not over the last axis"),
            std::string::npos);
  EXPECT_NE(reason([&](Net& net, const Inputs& in) {
              const ValueId scores = scores_of(net, in.q, in.k, {});
              net.output(scores);
              net.output(context_of(net, net.op("Softmax", {scores}, last), in.v));
            }).find("is a graph output"),
            std::string::npos);
  EXPECT_NE(reason([&](Net& net, const Inputs& in) {
              const ValueId key = net.transpose(split(net, in.k), {0, 2, 3, 1});
              const ValueId query = net.transpose(split(net, in.q), {0, 2, 1, 3});
              net.output(net.op("Relu", {query}));
              net.output(context_of(net, net.op("Softmax", {net.op("MatMul", {query, key})}, last), in.v));
            }).find("is used elsewhere"),
            std::string::npos);
  EXPECT_NE(reason([&](Net& net, const Inputs& in) {
              const ValueId p = net.op("Softmax", {scores_of(net, in.q, in.k, {})}, last);
              const ValueId context = net.op("MatMul", {p, net.transpose(split(net, in.v), {0, 2, 1, 3})});
              net.output(net.reshape(context, {0, -1, width}));
            }).find("not brought back"),
            std::string::npos);
}

TEST(Attention, AMaskThatWidensTheScoresStays) {
  Net net;
  const ValueId q = net.input("q", {1, 5, width});
  const ValueId mask = net.input("mask", {2, 1, 1, 5});
  net.output(attention(net, q, q, q, mask, {}));
  const auto notes = apply(net.graph, {&passes::fuse_attention});
  EXPECT_EQ(count(net.graph, "FusedAttention"), 0);
  EXPECT_FALSE(refusals(notes).empty());
}

/// Projections of one X in front of a FusedAttention. `transposed`: the weights are [N, K].
struct Projections {
  bool bias = true, transposed = false;
  Net net;
  ValueId x, q, k, v;

  explicit Projections(bool with_bias = true, bool transposed_weights = false)
      : bias(with_bias), transposed(transposed_weights) {
    x = net.input("x", {Dim("batch"), Dim("seq"), 8});
    q = project(x);
    k = project(x);
    v = project(x);
  }
  ValueId project(ValueId from) {
    std::vector<ValueId> inputs{from, transposed ? net.weight({width, 8}) : net.weight({8, width})};
    if (bias) inputs.push_back(net.weight({width}));
    return net.op("FusedMatMul", inputs,
                  {{"transB", std::int64_t{transposed ? 1 : 0}}, {"activation", std::string("none")}});
  }
  void attend(ValueId query, ValueId key, ValueId value) {
    net.output(net.op("FusedAttention", {query, key, value}, {{"num_heads", heads}, {"scale", 0.5F}}));
  }
};

TEST(QkvMerge, ThreeProjectionsBecomeOne) {
  for (const bool bias : {false, true}) {
    for (const bool transposed : {false, true}) {
      Projections made(bias, transposed);
      made.attend(made.q, made.k, made.v);
      Graph after = made.net.graph;
      apply(after, {&passes::merge_qkv});
      ASSERT_EQ(ops_of(after), "FusedMatMul FusedAttention");
      EXPECT_EQ(to_string(after.value(after.nodes[0].inputs[1]).shape), transposed ? "[36, 8]" : "[8, 36]");
      EXPECT_EQ(after.nodes[1].inputs.size(), 1U);
      // The same products in the same order, only side by side.
      expect_same(made.net.graph, after, {random_tensor({2, 5, 8}, 1)});
    }
  }
}

TEST(QkvMerge, KeepsTheMask) {
  Projections made;
  const ValueId mask = made.net.input("mask", {Dim("batch"), 1, 1, Dim("seq")});
  made.net.output(
      made.net.op("FusedAttention", {made.q, made.k, made.v, mask}, {{"num_heads", heads}, {"scale", 0.5F}}));
  Graph after = made.net.graph;
  apply(after, {&passes::merge_qkv});
  ASSERT_EQ(ops_of(after), "FusedMatMul FusedAttention");
  EXPECT_FALSE(after.nodes[1].has_input(1));
  EXPECT_TRUE(after.nodes[1].has_input(3));
  expect_same(made.net.graph, after, {random_tensor({2, 5, 8}, 1), random_tensor({2, 1, 1, 5}, 2, -3, 0)});
}

TEST(QkvMerge, SaysWhyNot) {
  const auto reason = [](auto&& change) {
    Projections made;
    change(made);
    const auto notes = apply(made.net.graph, {&passes::merge_qkv});
    EXPECT_GT(count(made.net.graph, "FusedMatMul"), 1);
    return refusals(notes);
  };
  EXPECT_NE(reason([](Projections& made) {
              made.attend(made.q, made.k, made.v);
              made.net.output(made.k);
            }).find("is a graph output"),
            std::string::npos);
  EXPECT_NE(reason([](Projections& made) { made.attend(made.q, made.k, made.k); }).find("is used elsewhere"),
            std::string::npos);
  EXPECT_NE(reason([](Projections& made) {
              const ValueId other = made.net.input("other", {Dim("batch"), Dim("seq"), 8});
              made.attend(made.q, made.project(other), made.project(other));
            }).find("read different values"),
            std::string::npos);
  EXPECT_NE(reason([](Projections& made) {
              made.bias = false;
              made.attend(made.q, made.k, made.project(made.x));
            }).find("not all projections have a bias"),
            std::string::npos);
  EXPECT_NE(reason([](Projections& made) {
              made.attend(made.q, made.k, made.net.op("Relu", {made.v}));
            }).find("not all linear"),
            std::string::npos);
}

}  // namespace
}  // namespace tessera
