// Comparison and logic: elementwise with broadcasting, the result is boolean.
#include <functional>
#include <optional>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"

namespace tessera {

namespace {

void infer_comparison(Graph& graph, const Node& node) {
  const Value& a = input_value(graph, node, 0);
  const Value& b = input_value(graph, node, 1);
  if (a.type != b.type)
    node_error(node, "its inputs are " + std::string(name_of(a.type)) + " and " + std::string(name_of(b.type)));
  set_output(graph, node, 0, DataType::boolean, broadcast_shape(node, a.shape, b.shape));
}

/// Exporters ask whether an extent is -1. A symbol stands for a size, so it is not; only a difference could be
/// negative.
Dim equal(const Dim& a, const Dim& b) {
  if (a == b) return 1;
  if (a.known() && b.known()) return 0;
  const auto size = [](const Dim& dim) { return dim.symbolic() && dim.symbol().find('-') == std::string::npos; };
  const auto negative = [](const Dim& dim) { return dim.known() && dim.value() < 0; };
  return (size(a) && negative(b)) || (negative(a) && size(b)) ? Dim(0) : Dim();
}

template <typename Compare>
Dim compared(const Dim& a, const Dim& b) {
  return a.known() && b.known() ? Dim(static_cast<std::int64_t>(Compare{}(a.value(), b.value()))) : Dim();
}

template <Dim (*combine)(const Dim&, const Dim&)>
void infer_with_extents(Graph& graph, const Node& node) {
  infer_comparison(graph, node);
  infer_binary_extents(graph, node, combine);
}

void infer_logic(Graph& graph, const Node& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (const DataType type = input_value(graph, node, i).type; type != DataType::boolean)
      node_error(node, "input " + std::to_string(i) + " is " + std::string(name_of(type)) + ", not bool");
  SymbolicShape shape = input_value(graph, node, 0).shape;
  if (node.inputs.size() > 1) shape = broadcast_shape(node, shape, input_value(graph, node, 1).shape);
  set_output(graph, node, 0, DataType::boolean, std::move(shape));
}

template <typename T, typename Compare>
void compare_elements(const TensorView& a, const TensorView& b, const TensorView& output) {
  const T* left = a.as<T>().data();
  const T* right = b.as<T>().data();
  bool* result = output.as<bool>().data();
  const std::array<Strides, 2> strides{broadcast_strides(a.shape, output.shape),
                                       broadcast_strides(b.shape, output.shape)};
  for_each_element<2>(output.shape, strides, [=](std::int64_t i, const auto& at) {
    if constexpr (std::is_same_v<T, bfloat16>)
      result[i] = Compare{}(static_cast<float>(left[at[0]]), static_cast<float>(right[at[1]]));
    else
      result[i] = Compare{}(left[at[0]], right[at[1]]);
  });
}

template <typename Compare>
void evaluate_comparison(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  with_type(inputs[0].type, [&]<typename T>(T) { compare_elements<T, Compare>(inputs[0], inputs[1], outputs[0]); });
}

void evaluate_not(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  const auto source = inputs[0].as<bool>();
  const auto target = outputs[0].as<bool>();
  for (std::size_t i = 0; i < target.size(); ++i) target[i] = !source[i];
}

}  // namespace

std::vector<OpSchema> compare_ops() {
  return {
      {"Xor",
       2,
       2,
       1,
       {},
       infer_logic,
       evaluate_comparison<std::not_equal_to<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
      {"Equal",
       2,
       2,
       1,
       {},
       infer_with_extents<equal>,
       evaluate_comparison<std::equal_to<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
      {"Less",
       2,
       2,
       1,
       {},
       infer_with_extents<compared<std::less<>>>,
       evaluate_comparison<std::less<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
      {"Greater",
       2,
       2,
       1,
       {},
       infer_with_extents<compared<std::greater<>>>,
       evaluate_comparison<std::greater<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
      {"LessOrEqual",
       2,
       2,
       1,
       {},
       infer_with_extents<compared<std::less_equal<>>>,
       evaluate_comparison<std::less_equal<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       12},
      {"GreaterOrEqual",
       2,
       2,
       1,
       {},
       infer_with_extents<compared<std::greater_equal<>>>,
       evaluate_comparison<std::greater_equal<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       12},
      {"Not", 1, 1, 1, {}, infer_logic, evaluate_not, ItemRule::first_input, OpKind::elementwise, Codes::numbers, 1},
      {"And",
       2,
       2,
       1,
       {},
       infer_logic,
       evaluate_comparison<std::logical_and<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
      {"Or",
       2,
       2,
       1,
       {},
       infer_logic,
       evaluate_comparison<std::logical_or<>>,
       ItemRule::broadcast,
       OpKind::elementwise,
       Codes::numbers,
       1},
  };
}

}  // namespace tessera
