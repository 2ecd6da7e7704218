// Element by element: arithmetic on two or more operands under NumPy broadcasting, and functions of one operand.
// On integers everything wraps, as two's complement hardware does.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

/// Runs body(T{}) for the types arithmetic is defined on; infer has let nothing else through.
template <typename Body>
void with_number(DataType type, Body body) {
  switch (type) {
    case DataType::s32: return body(std::int32_t{});
    case DataType::i64: return body(std::int64_t{});
    default: return body(float{});
  }
}

/// Integers are added as unsigned numbers because signed overflow is undefined.
template <typename T>
struct WrapHelper {
  using type = T;
};
template <>
struct WrapHelper<std::int32_t> {
  using type = std::uint32_t;
};
template <>
struct WrapHelper<std::int64_t> {
  using type = std::uint64_t;
};
template <typename T>
using Wrapping = typename WrapHelper<T>::type;

struct Sum {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
  }
};

struct Difference {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
  }
};

struct Product {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
  }
};

struct Quotient {
  float operator()(float a, float b) const { return a / b; }
  template <typename T>
  T operator()(T a, T b) const {
    return b == -1 ? Difference{}(T{0}, a) : static_cast<T>(a / b);  // the lowest number over -1 wraps
  }
};

// NaN wins: where either operand is NaN no comparison holds, or the first is tested for it.
struct Least {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

struct Greatest {
  template <typename T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

struct Power {
  float operator()(float a, float b) const { return std::pow(a, b); }
  template <typename B>
  float operator()(float a, B b) const {
    return static_cast<float>(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  template <typename T>
  requires std::is_integral_v<T> T operator()(T base, T exponent) const {
    if (exponent < 0) return base == 1 || base == -1 ? (exponent % 2 == 0 ? T{1} : base) : T{0};
    T result = 1;
    for (; exponent > 0; exponent /= 2, base = Product{}(base, base))
      if (exponent % 2 != 0) result = Product{}(result, base);
    return result;
  }
};

/// Folds all operands from the left; with two of them this is the plain binary op.
template <typename Function>
void evaluate_numbers(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const TensorView& y = outputs[0];
  with_number(y.type, [&]<typename T>(T) {
    if (inputs.size() == 1) std::memcpy(y.data, inputs[0].data, y.bytes());
    for (std::size_t i = 1; i < inputs.size(); ++i)
      broadcast_elements<T, T, T>(i == 1 ? inputs[0] : y, inputs[i], y, Function{});
  });
}

void evaluate_div(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  if (inputs[1].type != DataType::f32)
    with_number(inputs[1].type, [&]<typename T>(T) {
      for (const T divisor : inputs[1].as<T>())
        if (divisor == T{0}) node_error(node, "an integer is divided by zero", "check the model's inputs");
    });
  evaluate_numbers<Quotient>(node, inputs, outputs);
}

void evaluate_pow(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  if (inputs[0].type == inputs[1].type) return evaluate_numbers<Power>(node, inputs, outputs);
  with_number(inputs[1].type,
              [&]<typename B>(B) { broadcast_elements<float, B, float>(inputs[0], inputs[1], outputs[0], Power{}); });
}

void infer_broadcast(Graph& graph, const Node& node) {
  const Value& first = input_value(graph, node, 0);
  SymbolicShape shape = first.shape;
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    shape = broadcast_shape(node, shape, input_value(graph, node, i).shape);
  set_output(graph, node, 0, first.type, std::move(shape));
}

void infer_numbers(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32, DataType::i64, DataType::s32});
  for (std::size_t i = 1; i < node.inputs.size(); ++i) expect_same_type(graph, node, 0, i);
  infer_broadcast(graph, node);
}

/// Shapes are computed with i64 arithmetic: the same on extents keeps them symbolic.
template <Dim (*combine)(const Dim&, const Dim&)>
void infer_shape_arithmetic(Graph& graph, const Node& node) {
  infer_numbers(graph, node);
  if (input_value(graph, node, 0).type == DataType::i64) infer_binary_extents(graph, node, combine);
}

Dim add(const Dim& a, const Dim& b) {
  return a + b;
}
Dim subtract(const Dim& a, const Dim& b) {
  return a - b;
}
Dim multiply(const Dim& a, const Dim& b) {
  return a * b;
}

/// Div truncates and Dim floors, which only negative numbers can tell apart.
Dim divide(const Dim& a, const Dim& b) {
  if (b == Dim(0)) return {};
  return a.known() && b.known() ? Dim(Quotient{}(a.value(), b.value())) : a / b;
}

void infer_pow(Graph& graph, const Node& node) {
  if (input_value(graph, node, 0).type != DataType::f32) return infer_numbers(graph, node);
  expect_type(graph, node, 1, {DataType::f32, DataType::i64, DataType::s32});
  infer_broadcast(graph, node);
}

float square_root(float x) {
  return std::sqrt(x);
}
float exponential(float x) {
  return std::exp(x);
}
float logarithm(float x) {
  return std::log(x);
}
float reciprocal(float x) {
  return 1.0F / x;
}
float error_function(float x) {
  return std::erf(x);
}
float round_down(float x) {
  return std::floor(x);
}

template <float (*function)(float)>
void evaluate_real(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  map_elements<float>(inputs[0], outputs[0], [](float x) { return function(x); });
}

struct Negative {
  float operator()(float x) const { return -x; }
  template <typename T>
  T operator()(T x) const {
    return Difference{}(T{0}, x);
  }
};

struct Magnitude {
  float operator()(float x) const { return std::fabs(x); }
  template <typename T>
  T operator()(T x) const {
    return x < 0 ? Negative{}(x) : x;
  }
};

template <typename Function>
void evaluate_signed(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  with_number(inputs[0].type, [&]<typename T>(T) { map_elements<T>(inputs[0], outputs[0], Function{}); });
}

void infer_real(Graph& graph, const Node& node) {
  expect_type(graph, node, 0, {DataType::f32});
  infer_broadcast(graph, node);
}

}  // namespace

std::vector<OpSchema> elementwise_ops() {
  return {{"Add", 2, 2, 1, {}, infer_shape_arithmetic<add>, evaluate_numbers<Sum>},
          {"Sub", 2, 2, 1, {}, infer_shape_arithmetic<subtract>, evaluate_numbers<Difference>},
          {"Mul", 2, 2, 1, {}, infer_shape_arithmetic<multiply>, evaluate_numbers<Product>},
          {"Div", 2, 2, 1, {}, infer_shape_arithmetic<divide>, evaluate_div},
          {"Pow", 2, 2, 1, {}, infer_pow, evaluate_pow},
          {"Sum", 1, -1, 1, {}, infer_numbers, evaluate_numbers<Sum>},
          {"Min", 1, -1, 1, {}, infer_numbers, evaluate_numbers<Least>},
          {"Max", 1, -1, 1, {}, infer_numbers, evaluate_numbers<Greatest>},
          {"Neg", 1, 1, 1, {}, infer_numbers, evaluate_signed<Negative>},
          {"Abs", 1, 1, 1, {}, infer_numbers, evaluate_signed<Magnitude>},
          {"Sqrt", 1, 1, 1, {}, infer_real, evaluate_real<square_root>},
          {"Exp", 1, 1, 1, {}, infer_real, evaluate_real<exponential>},
          {"Log", 1, 1, 1, {}, infer_real, evaluate_real<logarithm>},
          {"Reciprocal", 1, 1, 1, {}, infer_real, evaluate_real<reciprocal>},
          {"Erf", 1, 1, 1, {}, infer_real, evaluate_real<error_function>},
          {"Floor", 1, 1, 1, {}, infer_real, evaluate_real<round_down>}};
}

}  // namespace tessera
