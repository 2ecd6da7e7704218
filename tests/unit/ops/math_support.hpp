// More shorthand for the arithmetic ops: graphs of one node with constants and symbolic shapes, and random data on
// which floating point is exact.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "unit/ops/support.hpp"

namespace tessera::test {

/// An attribute that is set.
constexpr std::int64_t yes = 1;

/// A graph of one node, named "tested", put together input by input.
class OneNode {
 public:
  explicit OneNode(std::string op, Attributes attributes = {}) {
    Node node;
    node.op = std::move(op);
    node.name = "tested";
    node.attributes = std::move(attributes);
    graph_.nodes.push_back(std::move(node));
  }

  OneNode& opset(std::int64_t version) {
    graph_.opset = version;
    return *this;
  }
  OneNode& input(DataType type, SymbolicShape shape) { return add(graph_.add_input("in", type, std::move(shape))); }
  OneNode& input(SymbolicShape shape) { return input(DataType::f32, std::move(shape)); }
  /// An input of the tensor's shape that run() feeds with it.
  OneNode& feed(const Tensor& tensor) {
    fed_.push_back(tensor);
    return input(tensor.type(), SymbolicShape(tensor.shape()));
  }
  OneNode& constant(const Tensor& tensor) { return add(graph_.add_constant("constant", tensor)); }
  OneNode& omitted() { return add(no_value); }

  /// The value behind input `index`, to change what a reader would set.
  Value& operand(std::size_t index) { return graph_.value(graph_.nodes[0].inputs[index]); }

  /// The output after the node was checked and inferred.
  Value infer() {
    prepare();
    infer_shapes(graph_);
    return graph_.value(graph_.outputs[0]);
  }
  std::string shape() { return to_string(infer().shape); }

  Tensor run() {
    prepare();
    return evaluate(graph_, fed_).front();
  }

  /// The output before inference, to change what a pass would set.
  Value& output() {
    if (graph_.outputs.empty()) {
      graph_.outputs.push_back(graph_.add_value("out", DataType::f32));
      graph_.nodes[0].outputs = graph_.outputs;
    }
    return graph_.value(graph_.outputs[0]);
  }

 private:
  OneNode& add(ValueId id) {
    graph_.nodes[0].inputs.push_back(id);
    return *this;
  }
  void prepare() {
    output();
    check_node(graph_.nodes[0]);
  }

  Graph graph_;
  std::vector<Tensor> fed_;
};

/// Small integers: sums of up to 2^16 products of them are exact in f32, whatever the order.
inline Tensor small_integers(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> distribution(-8, 8);
  Tensor tensor(DataType::f32, shape);
  for (float& value : tensor.mutable_as<float>()) value = static_cast<float>(distribution(generator));
  return tensor;
}

/// Reals in [-1, 1].
inline Tensor reals(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1.0F, 1.0F);
  Tensor tensor(DataType::f32, shape);
  for (float& value : tensor.mutable_as<float>()) value = distribution(generator);
  return tensor;
}

inline void expect_equal(const Tensor& actual, const Tensor& expected) {
  ASSERT_EQ(to_string(actual.shape()), to_string(expected.shape()));
  EXPECT_EQ(elements<float>(actual), elements<float>(expected));
}

/// Every element within `tolerance`; callers derive it from the number of roundings.
inline void expect_near(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(to_string(actual.shape()), to_string(expected.shape()));
  const auto a = actual.as<float>(), b = expected.as<float>();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance) << "element " << i;
}

/// Half the distance between 1 and the next float: the relative error of one rounding.
inline constexpr double rounding = 0x1p-24;

/// The action is refused with an Error{invalid} that holds these words.
template <typename Action>
void expect_rejected(std::initializer_list<std::string_view> words, Action action) {
  expect_error(ErrorKind::invalid, words, action);
}

/// The shape of rank 0; SymbolicShape{} is one of unknown rank.
inline SymbolicShape scalar_shape() {
  return SymbolicShape(Shape{});
}

inline Dim symbol(const char* name) {
  return Dim(std::string(name));
}

}  // namespace tessera::test
