// Common ground of the vector kernel tests: one test case a tier, skipped with its reason where the CPU lacks it;
// strided slices whose gaps and surroundings are filled with a pattern, so that comparing whole buffers also finds
// stray writes.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cpu/features.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {

class VectorKernelTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    const auto reason = why_unavailable(cpu_features(), kernels().isa);
    if (reason) GTEST_SKIP() << kernels().name << ": " << *reason;
  }
  [[nodiscard]] const VectorKernels& kernels() const { return all_vector_kernels()[GetParam()]; }
};

inline std::string tier_name(const ::testing::TestParamInfo<std::size_t>& info) {
  return all_vector_kernels()[info.param].name;
}

#define TESSERA_FOR_EACH_TIER(fixture) \
  INSTANTIATE_TEST_SUITE_P(Tiers, fixture, ::testing::Range<std::size_t>(0, all_vector_kernels().size()), tier_name)

inline constexpr DataType vector_types[] = {DataType::f32, DataType::bf16, DataType::u8};

/// Unit roundoff of f32 and bf16: the relative error of one rounding.
inline constexpr double f32_unit = 0x1p-24;
inline constexpr double bf16_unit = 0x1p-8;

/// Every tail, and some lengths of whole vectors and more.
inline std::vector<std::int64_t> row_lengths(std::initializer_list<std::int64_t> more = {}) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = 1; n <= 33; ++n) lengths.push_back(n);
  lengths.insert(lengths.end(), {48, 64, 100});
  lengths.insert(lengths.end(), more);
  return lengths;
}

/// `rows` rows of n elements, `gap` bytes apart, between two guards.
class Slice {
 public:
  Slice(DataType type, std::int64_t rows, std::int64_t n, std::int64_t gap = 0)
      : type_(type),
        rows_(rows),
        n_(n),
        stride_(n * static_cast<std::int64_t>(size_of(type)) + gap),
        bytes_(static_cast<std::size_t>(2 * guard + rows * stride_), std::byte{0xa5}) {}

  [[nodiscard]] std::byte* data() { return bytes_.data() + guard; }
  [[nodiscard]] std::byte* row(std::int64_t r) { return data() + r * stride_; }
  [[nodiscard]] std::int64_t stride() const { return stride_; }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

  [[nodiscard]] RowsIn in(Dequantize quantization = {}) { return {data(), stride_, type_, quantization}; }
  [[nodiscard]] RowsOut out(Requantize quantization = {}) { return {data(), stride_, type_, quantization}; }

  void set(std::int64_t r, std::int64_t i, float x) {
    std::byte* const p = row(r) + i * static_cast<std::int64_t>(size_of(type_));
    const bfloat16 narrow(x);
    const auto byte = static_cast<std::uint8_t>(std::fmin(std::fmax(x, 0.0F), 255.0F));
    if (type_ == DataType::f32) std::memcpy(p, &x, sizeof x);
    if (type_ == DataType::bf16) std::memcpy(p, &narrow, sizeof narrow);
    if (type_ == DataType::u8) std::memcpy(p, &byte, sizeof byte);
  }
  /// The stored number; u8 as it stands.
  [[nodiscard]] double get(std::int64_t r, std::int64_t i) {
    const std::byte* const p = row(r) + i * static_cast<std::int64_t>(size_of(type_));
    float wide = 0.0F;
    bfloat16 narrow;
    if (type_ == DataType::f32) std::memcpy(&wide, p, sizeof wide);
    if (type_ == DataType::bf16) std::memcpy(&narrow, p, sizeof narrow), wide = static_cast<float>(narrow);
    if (type_ == DataType::u8) wide = static_cast<float>(std::to_integer<int>(*p));
    return wide;
  }
  /// Uniform in [low, high) for floats, any byte for u8.
  Slice& fill(std::mt19937& random, float low, float high) {
    std::uniform_real_distribution<float> real(low, high);
    std::uniform_int_distribution<int> byte(0, 255);
    for (std::int64_t r = 0; r < rows_; ++r)
      for (std::int64_t i = 0; i < n_; ++i)
        set(r, i, type_ == DataType::u8 ? static_cast<float>(byte(random)) : real(random));
    return *this;
  }
  /// Whether nothing but the elements has changed since construction.
  [[nodiscard]] bool surroundings_untouched() {
    Slice fresh(type_, rows_, n_, stride_ - n_ * static_cast<std::int64_t>(size_of(type_)));
    const auto row_bytes = static_cast<std::size_t>(n_) * size_of(type_);
    for (std::int64_t r = 0; r < rows_; ++r) std::memcpy(fresh.row(r), row(r), row_bytes);
    return fresh.bytes_ == bytes_;
  }

 private:
  static constexpr std::int64_t guard = 64;
  DataType type_;
  std::int64_t rows_, n_, stride_;
  std::vector<std::byte> bytes_;
};

/// How far a stored result may be from `exact` when `error` is the bound on what was computed before it was stored.
inline double stored_bound(DataType type, double exact, double error) {
  switch (type) {
    case DataType::f32: return error;
    case DataType::bf16: return error + bf16_unit * (std::fabs(exact) + error);
    default: return error + 0.5;  // u8: in steps of the quantization
  }
}

/// Checks a stored element against its real value, known with the given error. u8 outputs compare in quantized units.
inline ::testing::AssertionResult stored_near(DataType type, double stored, double exact, double error,
                                              const Requantize& q = {}) {
  if (type == DataType::u8) {
    // Two more roundings than the value itself: the reciprocal of the scale, and the product with it.
    const double steps = exact / q.scale;
    error = error / q.scale + 2 * f32_unit * std::fabs(steps);
    exact = std::fmin(std::fmax(steps + q.zero_point, 0.0), 255.0);
  }
  const double bound = stored_bound(type, exact, error);
  if (std::fabs(stored - exact) <= bound) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << stored << " is " << std::fabs(stored - exact) << " from " << exact
                                       << ", more than " << bound;
}

}  // namespace tessera
