// The additions of Strassen's product of matrices in quarters, 7 products instead of 8, in the form with the fewest
// additions (S. Winograd 1971; as in Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., 23.1):
//
//   S1 = A21 + A22   S2 = S1 - A11   S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1   T3 = B22 - B12   T4 = B21 - T2
//   X = A11 B11   U = X + S2 T2   V = U + S3 T3   Z = S1 T1
//   C11 = X + A12 B21   C12 = (U + Z) + S4 B22   C21 = V + A22 T4   C22 = V + Z
//
// (T4 with the other sign than there.)
// A is cut by rows in pairs, not in an upper and a lower half: the rows of a pair belong to one item of a batch. Its
// columns, and the rows of B with them, are cut into slices, each of which is a product of its own that is added to C:
// a slice has `half` columns of the left quarters and then as many of the right ones.
// Of integers everything is exact: no operand is larger than 511 in magnitude, and sums wrap modulo 2^32.
#pragma once

#include "kernels/simd/words.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

/// Vectors of the two kinds of operands, under one interface.
struct StrassenFloats {
  static constexpr int lanes = 16, pixel_bytes = 4, operand_bytes = 4;
  TESSERA_MEMBER static F32x16 load(const std::byte* p) { return load_f32(p); }
  TESSERA_MEMBER static F32x16 from_pixels(const std::byte* p) { return load_f32(p); }
  TESSERA_MEMBER static void store(std::byte* p, F32x16 x) { store_f32(p, x); }
};
struct StrassenWords {
  static constexpr int lanes = WidestWords::lanes, pixel_bytes = 1, operand_bytes = 2;
  TESSERA_MEMBER static WidestWords load(const std::byte* p) { return WidestWords::load(p); }
  TESSERA_MEMBER static WidestWords from_pixels(const std::byte* p) { return WidestWords::from_bytes(p); }
  TESSERA_MEMBER static void store(std::byte* p, WidestWords x) { x.store(p); }
};

template <class Operands>
void strassen_rows(const StrassenRowsCall& call) {
  const std::int64_t right = call.half * Operands::pixel_bytes;
  for (std::int64_t k = 0; k < call.half; k += Operands::lanes) {
    const std::int64_t from = k * Operands::pixel_bytes;
    const auto a11 = Operands::from_pixels(call.first + from), a12 = Operands::from_pixels(call.first + right + from);
    const auto a21 = Operands::from_pixels(call.second + from), a22 = Operands::from_pixels(call.second + right + from);
    const auto s1 = add(a21, a22);
    const auto s2 = sub(s1, a11);
    std::byte* to = call.operands + k * Operands::operand_bytes;
    for (const auto& operand : {a11, a12, a22, s1, s2, sub(a11, a21), sub(a12, s2)}) {
      Operands::store(to, operand);
      to += call.operand_stride;
    }
  }
}

template <class Operands>
void strassen_panels(const StrassenPanelsCall& call) {
  const std::int64_t bytes = call.elements * Operands::operand_bytes;
  for (std::int64_t at = 0; at < bytes; at += Operands::lanes * Operands::operand_bytes) {
    const auto b11 = Operands::load(call.b11 + at), b12 = Operands::load(call.b12 + at);
    const auto b21 = Operands::load(call.b21 + at), b22 = Operands::load(call.b22 + at);
    const auto t1 = sub(b12, b11);
    const auto t2 = sub(b22, t1);
    Operands::store(call.sums + at, t1);
    Operands::store(call.sums + bytes + at, t2);
    Operands::store(call.sums + 2 * bytes + at, sub(b22, b12));
    Operands::store(call.sums + 3 * bytes + at, sub(b21, t2));
  }
}

/// The sums that kernels leave of words; those of floats are floats.
struct IntegerTerms {
  TESSERA_MEMBER static S32x16 load(const std::byte* p) { return load_s32(p); }
  TESSERA_MEMBER static void store(std::byte* p, S32x16 x) { store_s32(p, x); }
};

template <class Terms>
void strassen_add(const StrassenAddCall& call) {
  for (std::int64_t i = 0; i < call.elements; i += 16) {
    const std::int64_t at = i * 4;
    auto sum = Terms::load(call.x + at);
    if (call.y != nullptr) sum = add(sum, Terms::load(call.y + at));
    if (!call.first) sum = add(Terms::load(call.target + at), sum);
    Terms::store(call.target + at, sum);
  }
}

constexpr StrassenSums strassen_f32 = {DataType::f32, DataType::f32, strassen_rows<StrassenFloats>,
                                       strassen_panels<StrassenFloats>, strassen_add<StrassenFloats>};
constexpr StrassenSums strassen_words = {DataType::u8, DataType::s16, strassen_rows<StrassenWords>,
                                         strassen_panels<StrassenWords>, strassen_add<IntegerTerms>};

}  // namespace
}  // namespace tessera
