// What the tests of the passes share: small graphs, seeded tensors, and the comparison of a graph before and after a
// rewrite.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"
#include "passes/passes.hpp"

namespace tessera::testing {

inline constexpr double epsilon = std::numeric_limits<float>::epsilon();

/// Two sums of the same `terms` products, in any order, differ by at most this times the sum of their magnitudes; the
/// latter is taken to be within a factor of `terms` of the largest result.
inline double sum_tolerance(std::int64_t terms) {
  return 2 * static_cast<double>(terms * terms) * epsilon;
}

inline Tensor random_tensor(const Shape& shape, std::uint32_t seed, float low = -1.0F, float high = 1.0F) {
  std::mt19937 engine(seed);
  Tensor tensor(DataType::f32, shape);
  for (float& x : tensor.mutable_as<float>()) {
    x = low + (high - low) * static_cast<float>(engine() >> 8U) / static_cast<float>(1U << 24U);
  }
  return tensor;
}

template <typename T>
Tensor tensor_of(const Shape& shape, const std::vector<T>& values) {
  return Tensor::from<T>(shape, std::span<const T>(values));
}

inline Tensor indices(const std::vector<std::int64_t>& values) {
  return tensor_of<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// A graph under construction. Constants are seeded by the order in which they are added.
class Net {
 public:
  Graph graph;

  ValueId input(const std::string& name, std::vector<Dim> dims, DataType type = DataType::f32) {
    return graph.add_input(name, type, SymbolicShape(std::move(dims)));
  }
  ValueId constant(const Tensor& tensor) { return graph.add_constant("c", tensor); }
  ValueId number(float value) { return constant(Tensor::scalar(value)); }
  ValueId weight(const Shape& shape, float range = 0.5F) {
    return constant(random_tensor(shape, ++seed_, -range, range));
  }
  ValueId op(const std::string& name, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph.append(name, name, std::move(inputs), std::move(attributes));
  }
  ValueId reshape(ValueId x, const std::vector<std::int64_t>& target) {
    return op("Reshape", {x, constant(indices(target))});
  }
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm) {
    return op("Transpose", {x}, {{"perm", std::move(perm)}});
  }
  void output(ValueId value) { graph.outputs.push_back(value); }

 private:
  std::uint32_t seed_ = 100;
};

inline std::vector<std::int64_t> ints(std::initializer_list<std::int64_t> values) {
  return values;
}

using PassFunction = int (*)(Graph&, std::vector<PassNote>&);

/// Applies passes and returns their notes; the graph must stay valid.
inline std::vector<PassNote> apply(Graph& graph, std::initializer_list<PassFunction> functions) {
  std::vector<Pass> passes;
  for (const PassFunction function : functions) passes.push_back({"under test", function});
  std::vector<PassNote> notes;
  run_passes(graph, passes, &notes);
  graph.remove_unused();
  graph.validate();
  return notes;
}

inline int count(const Graph& graph, std::string_view op) {
  return static_cast<int>(std::ranges::count_if(graph.nodes, [&](const Node& node) { return node.op == op; }));
}

/// "FusedConv Relu ...": the ops in order.
inline std::string ops_of(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += (text.empty() ? "" : " ") + node.op;
  return text;
}

inline const Node& only(const Graph& graph, std::string_view op) {
  EXPECT_EQ(count(graph, op), 1) << ops_of(graph);
  return *std::ranges::find_if(graph.nodes, [&](const Node& node) { return node.op == op; });
}

inline std::string activation_of(const Node& node) {
  return node.attribute_or("activation", std::string("none"));
}

/// The reasons given for near-matches, one a line.
inline std::string refusals(const std::vector<PassNote>& notes) {
  std::string text;
  for (const PassNote& note : notes) {
    if (!note.applied) text += note.why + "\n";
  }
  return text;
}

inline double largest(const Tensor& tensor) {
  double most = 0;
  for (const float x : tensor.as<float>()) most = std::max(most, std::abs(static_cast<double>(x)));
  return most;
}

/// Both graphs give the same outputs; f32 ones within `tolerance` of the largest element, exactly where it is 0.
inline void expect_same(const Graph& before, const Graph& after, const std::vector<Tensor>& inputs,
                        double tolerance = 0) {
  const auto expected = evaluate(before, inputs);
  const auto actual = evaluate(after, inputs);
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i].type(), actual[i].type());
    ASSERT_EQ(to_string(expected[i].shape()), to_string(actual[i].shape()));
    if (tolerance == 0 || expected[i].type() != DataType::f32) {
      EXPECT_TRUE(std::equal(expected[i].data(), expected[i].data() + expected[i].bytes(), actual[i].data()))
          << "output " << i << " differs";
      continue;
    }
    const double allowed = tolerance * std::max(largest(expected[i]), 1e-30);
    ASSERT_GT(largest(expected[i]), 0.0) << "output " << i << " is all zero and proves nothing";
    for (std::size_t k = 0; k < expected[i].as<float>().size(); ++k) {
      ASSERT_NEAR(expected[i].as<float>()[k], actual[i].as<float>()[k], allowed) << "output " << i << " element " << k;
    }
  }
}

}  // namespace tessera::testing
