// The transforms by their matrices, in double: what the kernels are tested against. For integers everything here is
// exact.
#pragma once

#include <array>
#include <type_traits>

#include "core/elements.hpp"
#include "kernels/vector_kernels.hpp"
#include "kernels/winograd/matrices.hpp"

namespace tessera::winograd {

template <class T>
double real(const std::byte* base, std::int64_t index) {
  if constexpr (std::is_arithmetic_v<T>) return static_cast<double>(element<T>(base, index));
  return static_cast<double>(static_cast<float>(element<T>(base, index)));
}

template <class Matrices, class Pixel, class Operand>
void reference_input(const WinogradInputCall& call) {
  constexpr int n = Matrices::tile;
  for (std::int64_t c = 0; c < call.channels; ++c) {
    for (int e = 0; e < n * n; ++e) {
      double sum = 0;
      for (int p = 0; p < n * n; ++p)
        sum += Matrices::input[e / n][p / n] * Matrices::input[e % n][p % n] * real<Pixel>(call.pixels[p], c);
      set_element(call.v + Matrices::position(e / n, e % n) * call.v_stride, c, static_cast<Operand>(sum));
    }
  }
}

template <class Matrices, class Weight, class Operand>
void reference_weights(const WinogradWeightsCall& call) {
  constexpr int n = Matrices::kinds;
  for (std::int64_t column = 0; column < call.columns; ++column) {
    for (std::int64_t channel = 0; channel < call.channels; ++channel) {
      const std::int64_t pair = (column * call.channels + channel) * 9;
      for (int e = 0; e < n * n; ++e) {
        double sum = 0;
        for (int tap = 0; tap < 9; ++tap)
          sum += Matrices::weights[e / n][tap / 3] * Matrices::weights[e % n][tap % 3] *
                 real<Weight>(call.weights, pair + tap);
        set_element(call.transformed + e * call.stride, channel * call.columns + column, static_cast<Operand>(sum));
      }
    }
  }
}

template <class Matrices, class Sum>
void reference_output(const WinogradOutputCall& call) {
  constexpr int n = Matrices::tile, side = Matrices::side;
  for (std::int64_t c = 0; c < call.channels; ++c) {
    for (int y = 0; y < side * side; ++y) {
      double sum = 0;
      for (int e = 0; e < n * n; ++e)
        sum += Matrices::output[y / side][e / n] * Matrices::output[y % side][e % n] *
               real<Sum>(call.m + Matrices::position(e / n, e % n) * call.m_stride, c);
      set_element(call.sums + y * call.sums_stride, c, static_cast<Sum>(sum / Matrices::divisor));
    }
  }
}

inline constexpr WinogradTransforms reference_f32 = {4,
                                                     DataType::f32,
                                                     DataType::f32,
                                                     reference_input<F32_4x4, float, float>,
                                                     reference_output<F32_4x4, float>,
                                                     reference_weights<F32_4x4, float, float>};
inline constexpr WinogradTransforms reference_f32_small = {2,
                                                           DataType::f32,
                                                           DataType::f32,
                                                           reference_input<F32_2x2, float, float>,
                                                           reference_output<F32_2x2, float>,
                                                           reference_weights<F32_2x2, float, float>};
inline constexpr WinogradTransforms reference_bf16 = {4,
                                                      DataType::bf16,
                                                      DataType::f32,
                                                      reference_input<F32_4x4, bfloat16, float>,
                                                      reference_output<F32_4x4, float>,
                                                      reference_weights<F32_4x4, float, float>};
inline constexpr WinogradTransforms reference_bf16_small = {2,
                                                            DataType::bf16,
                                                            DataType::f32,
                                                            reference_input<F32_2x2, bfloat16, float>,
                                                            reference_output<F32_2x2, float>,
                                                            reference_weights<F32_2x2, float, float>};
/// The matrix of each element.
inline constexpr auto stride_2_matrices = [] {
  std::array<std::uint8_t, 25> matrices{};
  using M = Stride2_2x2;
  for (int i = 0; i < M::tile; ++i)
    for (int j = 0; j < M::tile; ++j)
      matrices[static_cast<std::size_t>(M::position(i, j))] =
          static_cast<std::uint8_t>(M::kind_of(i) * M::kinds + M::kind_of(j));
  return matrices;
}();
template <class Pixel, class Weight, class Operand, class Sum>
inline constexpr WinogradTransforms reference_stride_2 = {2,
                                                          data_type_of<Pixel>,
                                                          data_type_of<Operand>,
                                                          reference_input<Stride2_2x2, Pixel, Operand>,
                                                          reference_output<Stride2_2x2, Sum>,
                                                          reference_weights<Stride2_2x2, Weight, Operand>,
                                                          2,
                                                          stride_2_matrices.data()};
/// The same of sums that are known modulo 2^32 only, found by their definition: the number below the limit of which
/// that is a multiple.
inline void reference_output_int8(const WinogradOutputCall& call) {
  constexpr int n = Int8_4x4::tile, side = Int8_4x4::side;
  for (std::int64_t c = 0; c < call.channels; ++c) {
    for (int y = 0; y < side * side; ++y) {
      std::int64_t multiple = 0;
      for (int e = 0; e < n * n; ++e)
        multiple += static_cast<std::int64_t>(Int8_4x4::output[y / side][e / n] * Int8_4x4::output[y % side][e % n] *
                                              real<std::int32_t>(call.m + e * call.m_stride, c));
      const std::int64_t factor = Int8_4x4::row_factor[y / side] * Int8_4x4::row_factor[y % side];
      const std::int64_t wrapped = multiple & 0xffffffff, turn = std::int64_t{1} << 32;
      std::int64_t found = 0;
      for (std::int64_t turns = -factor; turns <= factor; ++turns) {
        const std::int64_t candidate = wrapped + turns * turn;
        if (candidate % factor == 0 && candidate / factor < Int8_4x4::sum_limit &&
            candidate / factor >= -Int8_4x4::sum_limit)
          found = candidate / factor;
      }
      set_element(call.sums + y * call.sums_stride, c, static_cast<std::int32_t>(found));
    }
  }
}

inline void reference_taps_int8(const WinogradTapsCall& call) {
  constexpr int n = Int8_4x4::kinds;
  for (std::int64_t i = 0; i < call.groups * call.lanes; ++i) {
    const std::int64_t group = i / call.lanes, lane = i % call.lanes;
    for (int e = 0; e < n * n; ++e) {
      double sum = 0;
      for (int tap = 0; tap < 9; ++tap)
        sum += Int8_4x4::weights[e / n][tap / 3] * Int8_4x4::weights[e % n][tap % 3] *
               real<std::int8_t>(call.taps, (group * 9 + tap) * call.lanes + lane);
      set_element(call.transformed + e * call.stride, i, static_cast<std::int16_t>(sum));
    }
  }
}

inline constexpr WinogradTransforms reference_int8 = {4,
                                                      DataType::u8,
                                                      DataType::s16,
                                                      reference_input<Int8_4x4, std::uint8_t, std::int16_t>,
                                                      reference_output_int8,
                                                      reference_weights<Int8_4x4, std::int8_t, std::int16_t>,
                                                      1,
                                                      nullptr,
                                                      reference_taps_int8};
inline constexpr WinogradTransforms reference_int8_small = {2,
                                                            DataType::u8,
                                                            DataType::s16,
                                                            reference_input<Int8_2x2, std::uint8_t, std::int16_t>,
                                                            reference_output<Int8_2x2, std::int32_t>,
                                                            reference_weights<Int8_2x2, std::int8_t, std::int16_t>};

}  // namespace tessera::winograd
