// Cast between the element types the engine has.
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "ops/families.hpp"
#include "ops/helpers.hpp"

namespace tessera {

namespace {

/// The attribute `to` holds a number of ONNX's TensorProto.DataType.
DataType target_type(const Node& node) {
  const auto* to = node.find_attribute<std::int64_t>("to");
  if (to == nullptr) node_error(node, "attribute to is missing");
  switch (*to) {
    case 1: return DataType::f32;
    case 10:  // float16 and double are computed in f32, as weights of these types are
    case 11: return DataType::f32;
    case 2: return DataType::u8;
    case 3: return DataType::s8;
    case 6: return DataType::s32;
    case 7: return DataType::i64;
    case 9: return DataType::boolean;
    case 16: return DataType::bf16;
    default:
      node_error(node, "attribute to = " + std::to_string(*to) + " is not a supported element type",
                 "use float, float16, double, bfloat16, uint8, int8, int32, int64 or bool");
  }
}

void infer_cast(Graph& graph, const Node& node) {
  const DataType target = target_type(node);
  set_output(graph, node, 0, target, SymbolicShape(input_value(graph, node, 0).shape));
  // s32 would wrap only beyond any extent.
  if (target == DataType::i64 || target == DataType::s32) pass_extents(graph, node);
}

/// The type of input 1; the elements of input 1 do not matter.
void infer_cast_like(Graph& graph, const Node& node) {
  const DataType target = input_value(graph, node, 1).type;
  set_output(graph, node, 0, target, SymbolicShape(input_value(graph, node, 0).shape));
  if (target == DataType::i64 || target == DataType::s32) pass_extents(graph, node);
}

template <typename T>
inline constexpr bool is_real = std::is_same_v<T, float> || std::is_same_v<T, bfloat16>;

/// Real to integer goes towards zero and stops at the ends of the range, NaN becomes 0: defined on every machine.
/// Integer to integer keeps the low bits.
template <typename To, typename From>
To converted(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_real<From>)
      return static_cast<float>(value) != 0.0F;
    else
      return value != From{};
  } else if constexpr (is_real<To> || !is_real<From>) {
    if constexpr (std::is_same_v<To, bfloat16> || std::is_same_v<From, bfloat16>)
      return static_cast<To>(static_cast<float>(value));
    else
      return static_cast<To>(value);
  } else {
    const auto real = static_cast<float>(value);
    using Limits = std::numeric_limits<To>;
    // Both bounds are powers of two (or 0), so the comparison in float is exact.
    const float end = std::ldexp(1.0F, Limits::digits);
    if (!(real >= static_cast<float>(Limits::min()))) return std::isnan(real) ? To{0} : Limits::min();
    if (real >= end) return Limits::max();
    return static_cast<To>(real);
  }
}

void evaluate_cast(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  with_type(inputs[0].type, [&]<typename From>(From) {
    with_type(outputs[0].type, [&]<typename To>(To) {
      const auto source = inputs[0].as<From>();
      const auto target = outputs[0].as<To>();
      for (std::size_t i = 0; i < target.size(); ++i) target[i] = converted<To>(source[i]);
    });
  });
}

}  // namespace

std::vector<OpSchema> cast_ops() {
  // `saturate` concerns the 8-bit float types, which are refused above.
  return {
      {"CastLike",
       2,
       2,
       1,
       {{"saturate", AttributeKind::integer}, {"round_mode", AttributeKind::string}},
       infer_cast_like,
       evaluate_cast,
       ItemRule::mixes,
       OpKind::elementwise,
       Codes::numbers,
       15},
      {"Cast",
       1,
       1,
       1,
       {{"to", AttributeKind::integer}, {"saturate", AttributeKind::integer}, {"round_mode", AttributeKind::string}},
       infer_cast,
       evaluate_cast,
       ItemRule::first_input,
       OpKind::elementwise,
       Codes::numbers,
       1}};
}

}  // namespace tessera
