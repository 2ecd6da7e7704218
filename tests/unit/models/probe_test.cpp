// The probe against the reference evaluation of the same ops. Small integers: every sum is exact, so equality is.
#include "models/probe.hpp"

#include <cmath>

#include <gtest/gtest.h>
#include "ops/op.hpp"

namespace tessera {
namespace {

Tensor small_integers(const Shape& shape, int factor) {
  Tensor tensor(DataType::f32, shape);
  int state = factor;
  for (float& element : tensor.mutable_as<float>()) {
    state = (state * 37 + 11) % 101;
    element = static_cast<float>(state % 9 - 4);
  }
  return tensor;
}

void expect_equal(const Probe& probe, const Tensor& tensor) {
  const Probe expected = probe_of(tensor);
  ASSERT_EQ(probe.channels, expected.channels);
  ASSERT_EQ(probe.images, expected.images);
  ASSERT_EQ(probe.height, expected.height);
  ASSERT_EQ(probe.width, expected.width);
  EXPECT_EQ(probe.elements, expected.elements);
}

Tensor evaluate_one(const char* op, const Tensor& x, std::vector<Tensor> constants, Attributes attributes) {
  Graph graph;
  std::vector<ValueId> inputs{graph.add_input("x", DataType::f32, SymbolicShape(x.shape()))};
  for (Tensor& constant : constants) inputs.push_back(graph.add_constant("c", std::move(constant)));
  graph.outputs = {graph.append(op, "node", inputs, std::move(attributes))};
  infer_shapes(graph);
  return evaluate(graph, std::vector{x}).at(0);
}

using Integers = std::vector<std::int64_t>;

TEST(Probe, Convolution) {
  for (const std::int64_t kernel : {1, 3, 7})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t outputs : {1, 2, 5}) {
        const Tensor x = small_integers(Shape{2, 3, 9, 8}, 5),
                     weights = small_integers(Shape{outputs, 3, kernel, kernel}, 7);
        const Tensor expected = evaluate_one("Conv", x, {weights},
                                             {{"kernel_shape", Integers{kernel, kernel}},
                                              {"pads", Integers(4, kernel / 2)},
                                              {"strides", Integers{stride, stride}}});
        expect_equal(convolve(probe_of(x), weights, stride, kernel / 2), expected);
      }
}

TEST(Probe, MaxPoolReluAndAdd) {
  for (const Shape& shape : {Shape{2, 3, 9, 8}, Shape{1, 1, 1, 1}, Shape{1, 2, 4, 5}}) {
    const Tensor x = small_integers(shape, 5);
    expect_equal(
        max_pool(probe_of(x)),
        evaluate_one("MaxPool", x, {},
                     {{"kernel_shape", Integers{3, 3}}, {"pads", Integers{1, 1, 1, 1}}, {"strides", Integers{2, 2}}}));
    Probe rectified = probe_of(x);
    rectify(rectified);
    expect_equal(rectified, evaluate_one("Relu", x, {}, {}));
    Probe doubled = probe_of(x);
    add(doubled, probe_of(x));
    expect_equal(doubled, evaluate_one("Add", x, {x}, {}));
  }
}

TEST(Probe, StatisticsAreThoseOfTheChannels) {
  const Tensor x = Tensor::from<float>(Shape{2, 2, 1, 2}, std::vector<float>{1, 3, 10, 10, 5, 7, 10, 10});
  const ChannelStatistics statistics = channel_statistics(probe_of(x));
  EXPECT_EQ(statistics.mean, (std::vector{4.0F, 10.0F}));
  EXPECT_EQ(statistics.variance, (std::vector{5.0F, 0.0F}));
  Probe normalised = probe_of(x);
  const std::vector<float> scale{2, 2}, bias{1, 1};
  normalise(normalised, statistics, scale, bias, 0.5F);
  const float factor = 2.0F / std::sqrt(5.5F);
  EXPECT_EQ(normalised.plane(0)[0], (1.0F - 4.0F) * factor + 1.0F);
  EXPECT_EQ(normalised.plane(1)[3], 1.0F);
}

TEST(Probe, PooledMagnitude) {
  // Means per image and channel: 2, 10, 6, -10.
  const Tensor x = Tensor::from<float>(Shape{2, 2, 1, 2}, std::vector<float>{1, 3, 10, 10, 5, 7, -10, -10});
  EXPECT_FLOAT_EQ(pooled_magnitude(probe_of(x)), std::sqrt((4.0F + 100.0F + 36.0F + 100.0F) / 4.0F));
}

}  // namespace
}  // namespace tessera
