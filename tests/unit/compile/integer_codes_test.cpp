// Random small graphs in which ops work on the integers between QuantizeLinear and DequantizeLinear: what the passes
// and the plan make of them must be what the nodes say one by one. Scales are powers of two and weights are small, so
// that every sum is exact and results are equal, not close.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "unit/engine/support.hpp"

namespace tessera::testing {
namespace {

/// Codes of a value, with the scale and zero point that they were written by.
struct Written {
  ValueId value;
  float scale;
  std::uint8_t zero;
};

class CodeGraph {
 public:
  explicit CodeGraph(std::uint32_t seed) : random_(seed) {
    const ValueId x = net_.input("x", {2, 4, 8, 8});
    codes_.push_back(quantize(x));
    const int length = 3 + pick(6);
    for (int i = 0; i < length; ++i) add_step();
    finish();
    infer_shapes(net_.graph);
  }
  [[nodiscard]] const Graph& graph() const { return net_.graph; }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }
  float some_scale() { return std::ldexp(1.0F, -1 - pick(5)); }
  Written some_codes() { return codes_[static_cast<std::size_t>(pick(static_cast<int>(codes_.size())))]; }
  Shape shape(ValueId id) {
    infer_shapes(net_.graph);
    return net_.graph.value(id).shape.to_shape();
  }

  Written quantize(ValueId x) {
    constexpr std::array<std::uint8_t, 4> zeros{0, 128, 3, 200};
    Written made{no_value, some_scale(), zeros[static_cast<std::size_t>(pick(4))]};
    made.value = net_.op("QuantizeLinear", {x, net_.number(made.scale), zero_point(made.zero)});
    return made;
  }
  ValueId dequantize(const Written& codes) {
    // Now and then the reader has a scale of its own.
    const bool other = pick(6) == 0;
    return net_.op("DequantizeLinear", {codes.value, net_.number(other ? codes.scale / 2 : codes.scale),
                                        zero_point(other ? static_cast<std::uint8_t>(codes.zero / 2) : codes.zero)});
  }
  ValueId zero_point(std::uint8_t zero) { return net_.constant(Tensor::scalar(zero)); }

  Attributes window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return {{"kernel_shape", ints({kernel, kernel})},
            {"strides", ints({stride, stride})},
            {"pads", ints({pad, pad, pad, pad})}};
  }

  void add_step() {
    const Written from = some_codes();
    const Shape s = shape(from.value);
    if (pick(3) == 0) return add_reals(from, s);
    const ValueId moved = moved_codes(from.value, s);
    codes_.push_back({moved, from.scale, from.zero});
  }

  ValueId moved_codes(ValueId q, const Shape& s) {
    switch (pick(10)) {
      case 0: return net_.op("MaxPool", {q}, window(1, 1, 0));
      case 1: return net_.op("MaxPool", {q}, window(3, 1, 1));
      case 2: return net_.transpose(q, {0, 1, 3, 2});
      case 3:
        return net_.op("Slice",
                       {q, net_.constant(indices({1})), net_.constant(indices({1000})), net_.constant(indices({3}))});
      case 4:
        return net_.op("Pad", {q, net_.constant(indices({0, 0, 1, 1, 0, 0, 1, 0})),
                               zero_point(static_cast<std::uint8_t>(pick(256)))});
      case 5: return net_.op("Concat", {q, q}, {{"axis", std::int64_t{1 + pick(3)}}});
      case 6: {
        std::vector<std::int64_t> order;
        for (std::int64_t c = s[1]; c-- > 0;) order.push_back(c);
        return net_.op("Gather", {q, net_.constant(indices(order))}, {{"axis", std::int64_t{1}}});
      }
      case 7: {
        Tensor chosen(DataType::boolean, Shape{s[3]});
        for (bool& flag : chosen.mutable_as<bool>()) flag = pick(2) == 0;
        return net_.op("Where", {net_.constant(chosen), q, net_.op("MaxPool", {q}, window(3, 1, 1))});
      }
      case 8: return net_.op("Identity", {net_.reshape(net_.reshape(q, {s[0], -1}), {s[0], s[1], s[2], s[3]})});
      default: return swapped_halves(q, s);
    }
  }

  ValueId swapped_halves(ValueId q, const Shape& s) {
    Graph& graph = net_.graph;
    const ValueId left = graph.add_value("left", DataType::u8), right = graph.add_value("right", DataType::u8);
    const ValueId sizes = net_.constant(indices({1, s[1] - 1}));
    graph.nodes.push_back(
        {"Split", "Split" + std::to_string(left), {q, sizes}, {left, right}, {{"axis", std::int64_t{1}}}});
    return net_.op("Concat", {right, left}, {{"axis", std::int64_t{1}}});
  }

  void add_reals(const Written& from, const Shape& s) {
    const ValueId x = dequantize(from);
    switch (pick(5)) {
      case 0: return codes_.push_back(quantize(net_.op("MaxPool", {x}, window(3, 1, 1))));
      case 1: return codes_.push_back(quantize(net_.op("AveragePool", {x}, window(2, 1, 0))));
      case 2: return codes_.push_back(quantize(convolution(x, s)));
      case 3: return codes_.push_back(quantize(net_.op("Relu", {convolution(x, s)})));
      default: return codes_.push_back(quantize(net_.op("Add", {x, x})));
    }
  }

  ValueId convolution(ValueId x, const Shape& s) {
    const std::int64_t kernel = pick(2) == 0 ? 1 : 3;
    Tensor weights(DataType::s8, Shape{8, s[1], kernel, kernel});
    for (std::int8_t& w : weights.mutable_as<std::int8_t>()) w = static_cast<std::int8_t>(pick(5) - 2);
    const ValueId w = net_.op("DequantizeLinear", {net_.constant(weights), net_.number(0.125F)});
    const std::int64_t pad = kernel / 2;
    return net_.op("Conv", {x, w}, {{"pads", ints({pad, pad, pad, pad})}});
  }

  void finish() {
    const Written last = codes_.back();
    if (pick(2) == 0) net_.output(net_.op("GlobalAveragePool", {dequantize(last)}));
    net_.output(dequantize(last));
    const Written other = some_codes();
    if (pick(2) == 0 && other.value != last.value) net_.output(other.value);
  }

  std::mt19937 random_;
  Net net_;
  std::vector<Written> codes_;
};

class IntegerCodes : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(IntegerCodes, MeanTheSameAsNodeByNode) {
  const CodeGraph made(GetParam());
  const std::vector<Tensor> inputs{random_tensor(Shape{2, 4, 8, 8}, GetParam(), -4.0F, 4.0F)};
  const std::vector<Tensor> expected = evaluate(made.graph(), inputs);
  Graph fused = made.graph();
  run_passes(fused, default_passes(), nullptr);
  for (const Isa isa : tiers_here()) {
    WeightStore weights;
    const std::vector<Tensor> actual = run_plan(fused, inputs, isa, 2, weights);
    ASSERT_EQ(expected.size(), actual.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      EXPECT_TRUE(same_bits(expected[i], actual[i])) << "output " << i << " on " << name_of(isa) << "\nfile:\n"
                                                     << to_text(made.graph()) << "plan of:\n"
                                                     << to_text(fused);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, IntegerCodes, ::testing::Range(0U, 60U));

}  // namespace
}  // namespace tessera::testing
