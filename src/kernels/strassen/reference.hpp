// The sums of Strassen's product by plain loops: what the kernels are tested against.
#pragma once

#include "core/elements.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera::strassen {

/// What integers are promoted to wraps like the integers of the kernels.
template <class T>
T plus(T a, T b) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(a + b);
  return a + b;
}
template <class T>
T minus(T a, T b) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(a - b);
  return a - b;
}

template <class Pixel, class Operand>
void reference_rows(const StrassenRowsCall& call) {
  const auto pixel = [](const std::byte* row, std::int64_t k) { return static_cast<Operand>(element<Pixel>(row, k)); };
  for (std::int64_t k = 0; k < call.half; ++k) {
    const Operand a11 = pixel(call.first, k), a12 = pixel(call.first, call.half + k);
    const Operand a21 = pixel(call.second, k), a22 = pixel(call.second, call.half + k);
    const Operand s1 = plus(a21, a22), s2 = minus(s1, a11), s3 = minus(a11, a21), s4 = minus(a12, s2);
    std::byte* to = call.operands;
    for (const Operand operand : {a11, a12, a22, s1, s2, s3, s4}) {
      set_element(to, k, operand);
      to += call.operand_stride;
    }
  }
}

template <class Operand>
void reference_panels(const StrassenPanelsCall& call) {
  const std::int64_t n = call.elements;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto b11 = element<Operand>(call.b11, i), b12 = element<Operand>(call.b12, i);
    const auto b21 = element<Operand>(call.b21, i), b22 = element<Operand>(call.b22, i);
    const Operand t1 = minus(b12, b11), t2 = minus(b22, t1);
    set_element(call.sums, i, t1);
    set_element(call.sums, n + i, t2);
    set_element(call.sums, 2 * n + i, minus(b22, b12));
    set_element(call.sums, 3 * n + i, minus(b21, t2));
  }
}

/// `Term` unsigned stands for s32: it wraps.
template <class Term>
void reference_add(const StrassenAddCall& call) {
  for (std::int64_t i = 0; i < call.elements; ++i) {
    auto sum = element<Term>(call.x, i);
    if (call.y != nullptr) sum = sum + element<Term>(call.y, i);
    if (!call.first) sum = element<Term>(call.target, i) + sum;
    set_element(call.target, i, sum);
  }
}

constexpr StrassenSums reference_f32 = {DataType::f32, DataType::f32, reference_rows<float, float>,
                                        reference_panels<float>, reference_add<float>};
constexpr StrassenSums reference_words = {DataType::u8, DataType::s16, reference_rows<std::uint8_t, std::int16_t>,
                                          reference_panels<std::int16_t>, reference_add<std::uint32_t>};

}  // namespace tessera::strassen
