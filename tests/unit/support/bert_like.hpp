// An encoder of two layers as exporters write it, for the tests of passes and of quantization.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "unit/passes/support.hpp"

namespace tessera::testing {

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

inline std::vector<Tensor> tokens(std::int64_t batch, std::int64_t seq) {
  Tensor ids(DataType::i64, {batch, seq}), mask(DataType::i64, {batch, seq});
  std::int64_t next = 7;
  for (std::int64_t& id : ids.mutable_as<std::int64_t>()) id = (next = next * 31 % 1009) % BertLike::vocabulary;
  std::ranges::fill(mask.mutable_as<std::int64_t>(), 1);
  mask.mutable_as<std::int64_t>().back() = 0;
  return {ids, mask};
}

}  // namespace tessera::testing
