// The inner loops of the reference evaluators: short enough to check by eye, shaped so that the compiler vectorises
// them, with an order of summation that does not depend on the machine.
#pragma once

#include <array>
#include <cstdint>

#include "ops/helpers.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// y[i] += a * x[i]
inline void add_scaled(float a, const float* __restrict x, float* __restrict y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

/// Sum of term(i) for i < n in 16 running lanes that are then added pairwise: the error grows with n / 16 and the
/// compiler may keep the lanes in registers.
template <typename Term>
float sum_in_lanes(std::int64_t n, Term term) {
  constexpr std::int64_t count = 16;
  std::array<float, count> lanes{};
  std::int64_t i = 0;
  for (; i + count <= n; i += count)
    for (std::int64_t lane = 0; lane < count; ++lane) lanes[lane] += term(i + lane);
  for (std::int64_t lane = 0; i < n; ++i, ++lane) lanes[lane] += term(i);
  for (std::int64_t half = count / 2; half > 0; half /= 2)
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

inline float dot(const float* a, const float* b, std::int64_t n) {
  return sum_in_lanes(n, [=](std::int64_t i) { return a[i] * b[i]; });
}

inline float sum(const float* x, std::int64_t n) {
  return sum_in_lanes(n, [=](std::int64_t i) { return x[i]; });
}

/// y[i] = function(x[i])
template <typename T, typename Function>
void map_elements(const TensorView& x, const TensorView& y, Function function) {
  const T* source = x.as<T>().data();
  T* target = y.as<T>().data();
  const std::int64_t n = y.shape.elements();
  for (std::int64_t i = 0; i < n; ++i) target[i] = function(source[i]);
}

/// Evaluates an op that is a function of one float.
template <float (*function)(float)>
void evaluate_function(const Node&, std::span<const TensorView> inputs, std::span<const TensorView> outputs) {
  map_elements<float>(inputs[0], outputs[0], [](float x) { return function(x); });
}

/// The shape without its last axis: what there is to iterate over when a row is one step.
inline Shape rows_of(const Shape& shape) {
  return shape.rank() == 0 ? Shape{} : Shape(shape.dims().first(shape.rank() - 1));
}

/// y = function(a, b) under NumPy broadcasting; y has the broadcast shape and may be `a` or `b` themselves.
template <typename A, typename B, typename Y, typename Function>
void broadcast_elements(const TensorView& a, const TensorView& b, const TensorView& y, Function function) {
  if (y.shape.elements() == 0) return;
  const std::array<Strides, 2> strides{broadcast_strides(a.shape, y.shape), broadcast_strides(b.shape, y.shape)};
  const std::size_t rank = y.shape.rank();
  const std::int64_t n = rank == 0 ? 1 : y.shape.back();
  const bool repeat_a = rank == 0 || strides[0][rank - 1] == 0;
  const bool repeat_b = rank == 0 || strides[1][rank - 1] == 0;
  for_each_element(rows_of(y.shape), strides, [&](std::int64_t row, const std::array<std::int64_t, 2>& offset) {
    const A* left = a.as<A>().data() + offset[0];
    const B* right = b.as<B>().data() + offset[1];
    Y* target = y.as<Y>().data() + row * n;
    if (!repeat_a && !repeat_b) {
      for (std::int64_t i = 0; i < n; ++i) target[i] = function(left[i], right[i]);
    } else if (!repeat_a) {
      const B only = *right;
      for (std::int64_t i = 0; i < n; ++i) target[i] = function(left[i], only);
    } else {
      const A only = *left;
      for (std::int64_t i = 0; i < n; ++i) target[i] = function(only, right[repeat_b ? 0 : i]);
    }
  });
}

}  // namespace tessera
