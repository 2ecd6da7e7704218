// Element by element: arithmetic on two or more operands under NumPy broadcasting, and functions of one operand.
// On integers everything wraps, as two's complement hardware does.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "ops/expect.hpp"
#include "ops/families.hpp"
#include "ops/plain_loops.hpp"

namespace tessera {
namespace {

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

/// The remainder with the sign of the divisor, as in Python, or with that of the dividend (fmod), as in C.
struct Remainder {
  bool sign_of_dividend;
  float operator()(float a, float b) const {
    const float rest = std::fmod(a, b);
    if (sign_of_dividend || rest == 0.0F || (rest < 0.0F) == (b < 0.0F)) return rest;
    return rest + b;
  }
  template <typename T>
  T operator()(T a, T b) const {
    if (b == T{-1}) return T{0};  // the lowest number over -1 overflows
    const T rest = static_cast<T>(a % b);
    return sign_of_dividend || rest == T{0} || (rest < T{0}) == (b < T{0}) ? rest : static_cast<T>(rest + b);
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

void refuse_integer_zero(const Node& node, const TensorView& divisors) {
  if (divisors.type == DataType::f32) return;
  with_number(divisors.type, [&]<typename T>(T) {
    for (const T divisor : divisors.as<T>())
      if (divisor == T{0}) node_error(node, "an integer is divided by zero", "check the model's inputs");
  });
}

void evaluate_mod(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  refuse_integer_zero(node, inputs[1]);
  const Remainder remainder{node.attribute_or<std::int64_t>("fmod", 0) != 0};
  with_number(outputs[0].type,
              [&]<typename T>(T) { broadcast_elements<T, T, T>(inputs[0], inputs[1], outputs[0], remainder); });
}

void evaluate_average(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  evaluate_numbers<Sum>(node, inputs, outputs);
  const auto count = static_cast<float>(inputs.size());
  map_elements<float>(outputs[0], outputs[0], [=](float x) { return x / count; });
}

void evaluate_prelu(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  broadcast_elements<float, float, float>(inputs[0], inputs[1], outputs[0],
                                          [](float x, float slope) { return x < 0.0F ? slope * x : x; });
}

void evaluate_div(const Node& node, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  refuse_integer_zero(node, inputs[1]);
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

Dim remainder(const Dim& a, const Dim& b) {
  if (!a.known() || !b.known() || b.value() == 0) return {};
  return Remainder{false}(a.value(), b.value());
}

Dim lesser(const Dim& a, const Dim& b) {
  if (a == b) return a;
  return a.known() && b.known() ? Dim(std::min(a.value(), b.value())) : Dim();
}
Dim greater(const Dim& a, const Dim& b) {
  if (a == b) return a;
  return a.known() && b.known() ? Dim(std::max(a.value(), b.value())) : Dim();
}

/// Min and Max of any number of operands; extents of two.
template <Dim (*combine)(const Dim&, const Dim&)>
void infer_extreme(Graph& graph, const Node& node) {
  infer_numbers(graph, node);
  if (node.inputs.size() == 2 && input_value(graph, node, 0).type == DataType::i64)
    infer_binary_extents(graph, node, combine);
}

void infer_mod(Graph& graph, const Node& node) {
  infer_numbers(graph, node);
  const bool integers = input_value(graph, node, 0).type != DataType::f32;
  if (!integers && node.attribute_or<std::int64_t>("fmod", 0) == 0)
    node_error(node, "attribute fmod is 0 for real numbers", "ONNX wants fmod = 1 for them");
  if (integers && node.attribute_or<std::int64_t>("fmod", 0) == 0) infer_binary_extents(graph, node, remainder);
}

void infer_reals(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  infer_broadcast(graph, node);
}

/// The slope is stretched to X, never X to the slope.
void infer_prelu(Graph& graph, const Node& node) {
  expect_types(graph, node, {DataType::f32});
  const SymbolicShape x = input_value(graph, node, 0).shape;
  if (broadcast_shape(node, x, input_value(graph, node, 1).shape).rank() != x.rank())
    node_error(node, "its slope has more dimensions than its input");
  set_output(graph, node, 0, DataType::f32, x);
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

using Infer = decltype(OpSchema::infer);
using Evaluate = decltype(OpSchema::evaluate);

/// A row of the table: `inputs` operands (-1: any number) that are broadcast to each other.
OpSchema broadcasting(std::string_view name, int inputs, Infer infer, Evaluate evaluate, int since,
                      std::vector<AttributeSpec> attributes = {}) {
  return {name,
          inputs < 0 ? 1 : inputs,
          inputs,
          1,
          std::move(attributes),
          infer,
          evaluate,
          ItemRule::broadcast,
          OpKind::elementwise,
          Codes::numbers,
          since};
}

OpSchema function(std::string_view name, Infer infer, Evaluate evaluate, int since) {
  return {name, 1, 1, 1, {}, infer, evaluate, ItemRule::first_input, OpKind::elementwise, Codes::numbers, since};
}

}  // namespace

std::vector<OpSchema> elementwise_ops() {
  return {broadcasting("Add", 2, infer_shape_arithmetic<add>, evaluate_numbers<Sum>, 1),
          broadcasting("Sub", 2, infer_shape_arithmetic<subtract>, evaluate_numbers<Difference>, 1),
          broadcasting("Mul", 2, infer_shape_arithmetic<multiply>, evaluate_numbers<Product>, 1),
          broadcasting("Div", 2, infer_shape_arithmetic<divide>, evaluate_div, 1),
          broadcasting("Mod", 2, infer_mod, evaluate_mod, 10, {{"fmod", AttributeKind::integer}}),
          broadcasting("Pow", 2, infer_pow, evaluate_pow, 1),
          broadcasting("PRelu", 2, infer_prelu, evaluate_prelu, 1),
          broadcasting("Sum", -1, infer_numbers, evaluate_numbers<Sum>, 1),
          broadcasting("Mean", -1, infer_reals, evaluate_average, 1),
          broadcasting("Min", -1, infer_extreme<lesser>, evaluate_numbers<Least>, 1),
          broadcasting("Max", -1, infer_extreme<greater>, evaluate_numbers<Greatest>, 1),
          function("Neg", infer_numbers, evaluate_signed<Negative>, 1),
          function("Abs", infer_numbers, evaluate_signed<Magnitude>, 1),
          function("Sqrt", infer_function, evaluate_function<square_root>, 1),
          function("Exp", infer_function, evaluate_function<exponential>, 1),
          function("Log", infer_function, evaluate_function<logarithm>, 1),
          function("Reciprocal", infer_function, evaluate_function<reciprocal>, 1),
          function("Erf", infer_function, evaluate_function<error_function>, 9)};
}

}  // namespace tessera
