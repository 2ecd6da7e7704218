#include <cmath>
#include <limits>

#include "unit/ops/math_support.hpp"

namespace tessera::test {
namespace {

using Int = std::int64_t;
using List = std::vector<Int>;

/// What `activation` stands for, as a node of its own.
Tensor activated(const std::string& activation, const Tensor& x) {
  if (activation == "relu") return run_op("Relu", {x});
  if (activation == "gelu") return run_op("Gelu", {x});
  if (activation == "tanh") return run_op("Tanh", {x});
  return x;
}

TEST(FusedConv, EqualsItsParts) {
  const Tensor x = small_integers({2, 4, 6, 5}, 1), w = small_integers({6, 2, 3, 3}, 2), b = small_integers({6}, 3);
  const Attributes conv{{"group", Int{2}}, {"pads", List{1, 0, 1, 2}}, {"strides", List{2, 1}}};
  const Tensor plain = run_op("Conv", {x, w}, conv), biased = run_op("Conv", {x, w, b}, conv);
  const Tensor r = small_integers(plain.shape(), 4);
  for (const char* activation : {"none", "relu", "gelu", "tanh"}) {
    Attributes attributes = conv;
    attributes["activation"] = std::string(activation);
    expect_equal(run_op("FusedConv", {x, w}, attributes), activated(activation, plain));
    expect_equal(run_op("FusedConv", {x, w, b}, attributes), activated(activation, biased));
    expect_equal(run_op("FusedConv", {x, w, Tensor(), r}, attributes),
                 activated(activation, run_op("Add", {plain, r})));
    expect_equal(run_op("FusedConv", {x, w, b, r}, attributes), activated(activation, run_op("Add", {biased, r})));
  }
}

TEST(FusedMatMul, EqualsItsParts) {
  const Tensor x = small_integers({2, 3, 20}, 1), w = small_integers({20, 7}, 2), b = small_integers({7}, 3);
  const Tensor r = small_integers({2, 3, 7}, 4), product = run_op("MatMul", {x, w});
  const Tensor sum = run_op("Add", {run_op("Add", {product, b}), r});
  for (const char* activation : {"none", "relu", "gelu", "tanh"}) {
    const Attributes attributes{{"activation", std::string(activation)}};
    expect_equal(OneNode("FusedMatMul", attributes).feed(x).constant(w).run(), activated(activation, product));
    expect_equal(OneNode("FusedMatMul", attributes).feed(x).constant(w).constant(b).feed(r).run(),
                 activated(activation, sum));
    Attributes transposed = attributes;
    transposed["transB"] = yes;
    expect_equal(
        OneNode("FusedMatMul", transposed).feed(x).constant(run_op("Transpose", {w})).constant(b).feed(r).run(),
        activated(activation, sum));
  }
}

/// [B, S, H*D] -> [B, H, S, D]
Tensor heads(const Tensor& x, Int count) {
  const Shape& s = x.shape();
  return run_op("Transpose", {x.reshaped({s[0], s[1], count, s[2] / count})}, {{"perm", List{0, 2, 1, 3}}});
}

/// Attention as exporters write it.
Tensor composed(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, Int count, float scale) {
  const Tensor keys = run_op("Transpose", {heads(k, count)}, {{"perm", List{0, 1, 3, 2}}});
  Tensor scores = run_op("Mul", {run_op("MatMul", {heads(q, count), keys}), floats({}, {scale})});
  if (!mask.empty()) scores = run_op("Add", {scores, mask});
  const Tensor context = run_op("MatMul", {run_op("Softmax", {scores}), heads(v, count)});
  return run_op("Transpose", {context}, {{"perm", List{0, 2, 1, 3}}}).reshaped(q.shape());
}

/// Scores are sums of `depth` products of numbers up to 1, times the scale: an error of (depth + 1) roundings of a
/// score up to depth * scale in each way of computing them. exp turns it into a relative error of the weights,
/// numerator and denominator; their sums add `keys` roundings each.
double attention_tolerance(Int depth, Int keys, double scale) {
  const double score = static_cast<double>(depth) * scale * static_cast<double>(depth + 2) * rounding;
  return 2 * (2 * score + 2 * static_cast<double>(keys + 4) * rounding);
}

Attributes attention(Int count, float scale) {
  return {{"num_heads", count}, {"scale", scale}};
}

TEST(FusedAttention, EqualsItsParts) {
  const Int count = 3, depth = 20;
  const float scale = 0.25F;
  const Tensor q = reals({2, 5, count * depth}, 1), k = reals({2, 9, count * depth}, 2),
               v = reals({2, 9, count * depth}, 3);
  const double tolerance = attention_tolerance(depth, 9, scale);
  expect_near(run_op("FusedAttention", {q, k, v}, attention(count, scale)), composed(q, k, v, {}, count, scale),
              tolerance);
  for (const Shape& shape : {Shape{2, 3, 5, 9}, Shape{2, 1, 1, 9}, Shape{5, 9}, Shape{9}, Shape{2, 1, 5, 1}, Shape{}}) {
    const Tensor mask = reals(shape, 4);
    expect_near(run_op("FusedAttention", {q, k, v, mask}, attention(count, scale)),
                composed(q, k, v, mask, count, scale), tolerance + 8 * rounding);
  }
}

TEST(FusedAttention, ReadsQKVFromOneTensor) {
  const Int count = 2, width = 8;
  const Tensor q = reals({2, 4, width}, 1), k = reals({2, 4, width}, 2), v = reals({2, 4, width}, 3);
  const Tensor mask = reals({2, 1, 1, 4}, 4), merged = run_op("Concat", {q, k, v}, {{"axis", Int{2}}});
  expect_equal(run_op("FusedAttention", {merged}, attention(count, 0.5F)),
               run_op("FusedAttention", {q, k, v}, attention(count, 0.5F)));
  expect_equal(run_op("FusedAttention", {merged, Tensor(), Tensor(), mask}, attention(count, 0.5F)),
               run_op("FusedAttention", {q, k, v, mask}, attention(count, 0.5F)));
}

TEST(FusedAttention, AMaskHidesKeys) {
  const Tensor q = reals({1, 2, 4}, 1), k = reals({1, 3, 4}, 2), v = reals({1, 3, 4}, 3);
  const float least = std::numeric_limits<float>::lowest();
  const Tensor y = run_op("FusedAttention", {q, k, v, floats({3}, {least, 0, least})}, attention(1, 1));
  for (std::size_t row = 0; row < 2; ++row)
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(y.as<float>()[row * 4 + i], v.as<float>()[4 + i]);
}

TEST(FusedAttention, ARowThatIsWhollyMaskedFollowsTheFormula) {
  // In f32 the least number swallows every score, so that all keys weigh the same.
  const Tensor q = reals({1, 1, 4}, 1), k = reals({1, 2, 4}, 2), v = floats({1, 2, 4}, {1, 2, 3, 4, 3, 4, 5, 6});
  const float least = std::numeric_limits<float>::lowest();
  const Tensor mask = floats({2}, {least, least});
  const Tensor y = run_op("FusedAttention", {q, k, v, mask}, attention(1, 1));
  EXPECT_EQ(elements<float>(y), (std::vector<float>{2, 3, 4, 5}));
  expect_equal(y, composed(q, k, v, mask, 1, 1));
  // Infinities have no difference: the formula gives NaN.
  const float infinite = -std::numeric_limits<float>::infinity();
  for (const float value :
       elements<float>(run_op("FusedAttention", {q, k, v, floats({2}, {infinite, infinite})}, attention(1, 1))))
    EXPECT_TRUE(std::isnan(value));
}

TEST(FusedOps, InferSymbolicShapes) {
  const auto batch = symbol("batch"), seq = symbol("seq"), keys = symbol("keys");
  EXPECT_EQ(OneNode("FusedConv", {{"strides", List{2, 2}}})
                .input({batch, Dim(3), Dim(9), Dim(9)})
                .constant(reals({8, 3, 3, 3}, 1))
                .shape(),
            "[batch, 8, 4, 4]");
  EXPECT_EQ(OneNode("FusedMatMul").input({batch, seq, Dim(8)}).constant(reals({8, 3}, 1)).shape(), "[batch, seq, 3]");
  EXPECT_EQ(OneNode("FusedMatMul", {{"transB", yes}}).input({batch, Dim(8)}).constant(reals({3, 8}, 1)).shape(),
            "[batch, 3]");
  const SymbolicShape query{batch, seq, Dim(24)}, context{batch, keys, Dim(24)};
  EXPECT_EQ(OneNode("FusedAttention", attention(2, 1)).input(query).shape(), "[batch, seq, 8]");
  EXPECT_EQ(OneNode("FusedAttention", attention(2, 1))
                .input(query)
                .input(context)
                .input(context)
                .input({batch, Dim(1), Dim(1), keys})
                .shape(),
            "[batch, seq, 24]");
}

TEST(FusedOps, TakeTheStorageThePassesChoose) {
  const Quantization per_tensor{{0.5F}, {128}, -1};
  OneNode product("FusedMatMul");
  product.input(DataType::u8, {Dim(2), Dim(4)})
      .constant(Tensor(DataType::s8, {4, 3}))
      .omitted()
      .input(DataType::bf16, {Dim(2), Dim(3)});
  expect_rejected({"node tested (FusedMatMul)", "u8"}, [&] { product.infer(); });
  product.operand(0).quantization = per_tensor;
  product.operand(1).quantization = per_tensor;
  EXPECT_EQ(product.infer().type, DataType::f32);
  product.output().type = DataType::u8;
  product.output().quantization = per_tensor;
  EXPECT_EQ(product.infer().type, DataType::u8);

  OneNode softmax("FusedAttention", attention(1, 1));
  softmax.input(DataType::bf16, {Dim(1), Dim(2), Dim(12)}).output().type = DataType::bf16;
  EXPECT_EQ(softmax.infer().type, DataType::bf16);
  expect_rejected({"node tested (FusedAttention)", "bf16", "session"}, [] {
    OneNode("FusedAttention", attention(1, 1)).feed(Tensor(DataType::bf16, {1, 2, 12})).run();
  });
}

TEST(FusedConv, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(1), Dim(2), Dim(4), Dim(4)};
  const Tensor w = reals({3, 2, 1, 1}, 1);
  expect_rejected({"node tested (FusedConv)", "activation is elu", "none, relu, gelu, tanh"}, [&] {
    OneNode("FusedConv", {{"activation", std::string("elu")}}).input(x).constant(w).infer();
  });
  expect_rejected({"node tested (FusedConv)", "extent 2 of input 3", "is 5 where 4"}, [&] {
    OneNode("FusedConv").input(x).constant(w).omitted().input({Dim(1), Dim(3), Dim(5), Dim(4)}).infer();
  });
}

TEST(FusedMatMul, NamesWhatDoesNotFit) {
  const SymbolicShape x{Dim(2), Dim(8)};
  expect_rejected({"node tested (FusedMatMul)", "[8, n]", "run time", "MatMul"}, [&] {
    OneNode("FusedMatMul").input(x).input({Dim(8), symbol("n")}).infer();
  });
  expect_rejected({"node tested (FusedMatMul)", "rank 2"}, [&] {
    OneNode("FusedMatMul").input(x).constant(reals({1, 8, 3}, 1)).infer();
  });
  expect_rejected({"node tested (FusedMatMul)", "is 3 where 8"}, [&] {
    OneNode("FusedMatMul", {{"transB", yes}}).input(x).constant(reals({8, 3}, 1)).infer();
  });
  expect_rejected({"node tested (FusedMatMul)", "extent 0 of input 2", "is 8 where 3"}, [&] {
    OneNode("FusedMatMul").input(x).constant(reals({8, 3}, 1)).constant(reals({8}, 1)).infer();
  });
  expect_rejected({"node tested (FusedMatMul)", "input 3", "rank 2"}, [&] {
    OneNode("FusedMatMul").input(x).constant(reals({8, 3}, 1)).omitted().input({Dim(3)}).infer();
  });
}

TEST(FusedAttention, NamesWhatDoesNotFit) {
  const SymbolicShape q{Dim(1), Dim(2), Dim(12)}, k{Dim(1), Dim(5), Dim(12)};
  const auto refused = [](std::string_view word, OneNode node) {
    expect_rejected({"node tested (FusedAttention)", word}, [&] { node.infer(); });
  };
  refused("num_heads is missing", OneNode("FusedAttention", {{"scale", 1.0F}}).input(q));
  refused("scale is missing", OneNode("FusedAttention", {{"num_heads", yes}}).input(q));
  refused("5 heads do not divide", OneNode("FusedAttention", attention(5, 1)).input(q));
  refused("3 heads do not divide", OneNode("FusedAttention", attention(3, 1)).input(q));
  refused("only one of the inputs K and V", OneNode("FusedAttention", attention(3, 1)).input(q).input(k));
  refused("rank 3", OneNode("FusedAttention", attention(3, 1)).input({Dim(2), Dim(12)}));
  refused("is 4 where 5",
          OneNode("FusedAttention", attention(3, 1)).input(q).input(k).input({Dim(1), Dim(4), Dim(12)}));
  const auto masked = [&](const SymbolicShape& mask) {
    return OneNode("FusedAttention", attention(3, 1)).input(q).input(k).input(k).input(mask);
  };
  refused("4 and 2", masked({Dim(4), Dim(5)}));
  refused("4 and 5", masked({Dim(4)}));
  refused("is 2 where 1", masked({Dim(2), Dim(1), Dim(2), Dim(5)}));
  refused("at most rank 4", masked({Dim(1), Dim(1), Dim(1), Dim(2), Dim(5)}));
}

}  // namespace
}  // namespace tessera::test
