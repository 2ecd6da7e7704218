// Element-wise kernels: arithmetic and ReLU exact against the reference, GELU and tanh within the bounds of
// simd/math.hpp.
#include <limits>

#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using ElementwiseKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(ElementwiseKernel);

constexpr Dequantize a_scale{0.031F, 120}, b_scale{0.017F, 9};
constexpr Requantize y_scale{0.043F, 101};

TEST_P(ElementwiseKernel, BinaryIsExactForEveryTypeAndTail) {
  std::mt19937 random(1);
  for (const DataType a_type : vector_types) {
    for (const DataType b_type : vector_types) {
      for (const DataType y_type : vector_types) {
        for (const std::int64_t n : row_lengths()) {
          for (const Binary op : {Binary::add, Binary::sub, Binary::mul, Binary::div}) {
            Slice a(a_type, 2, n, 4), b(b_type, 2, n, 8), y(y_type, 2, n, 12), expected = y;
            a.fill(random, -3.0F, 3.0F);
            b.fill(random, 0.5F, 3.0F);
            ElementwiseCall call{
                a.in(a_scale), b.in(b_scale), op, n % 2 ? Activation::relu : Activation::none, {}, 2, n};
            call.y = y.out(y_scale);
            kernels().elementwise(call);
            call.y = expected.out(y_scale);
            reference_vector_kernels().elementwise(call);
            ASSERT_EQ(y.bytes(), expected.bytes())
                << name_of(a_type) << ' ' << name_of(b_type) << ' ' << name_of(y_type) << " n " << n;
          }
        }
      }
    }
  }
}

TEST_P(ElementwiseKernel, ActivationsStayWithinTheirBounds) {
  std::mt19937 random(2);
  for (const DataType x_type : vector_types) {
    for (const DataType y_type : vector_types) {
      for (const Activation activation : {Activation::relu, Activation::gelu, Activation::tanh}) {
        for (const std::int64_t n : row_lengths()) {
          Slice x(x_type, 2, n, 4), y(y_type, 2, n, 4), exact(DataType::f32, 2, n);
          x.fill(random, -5.0F, 5.0F);
          ElementwiseCall call{x.in(a_scale), {}, Binary::add, activation, y.out(y_scale), 2, n};
          kernels().elementwise(call);
          ASSERT_TRUE(y.surroundings_untouched());
          call.y = exact.out();
          reference_vector_kernels().elementwise(call);
          for (std::int64_t r = 0; r < 2; ++r) {
            for (std::int64_t i = 0; i < n; ++i) {
              // 3 ulp, of at most two unit roundoffs each, and half an ulp of the reference; left of 0, GELU is within
              // 2.6 unit roundoffs of its operand, here at most 5.
              const bool left = activation == Activation::gelu && exact.get(r, i) <= 0;
              const double error = activation == Activation::relu
                                       ? 0.0
                                       : f32_unit * (7.0 * std::fabs(exact.get(r, i)) + (left ? 2.6 * 5.0 : 0.0));
              ASSERT_TRUE(stored_near(y_type, y.get(r, i), exact.get(r, i), error, y_scale)) << "n " << n << " i " << i;
            }
          }
        }
      }
    }
  }
}

TEST_P(ElementwiseKernel, NanPassesThroughEveryActivation) {
  Slice x(DataType::f32, 1, 17), y = x;
  for (int i = 0; i < 17; ++i) x.set(0, i, i % 2 ? NAN : 1.0F);
  for (const Activation activation : {Activation::none, Activation::relu, Activation::gelu, Activation::tanh}) {
    kernels().elementwise({x.in(), {}, Binary::add, activation, y.out(), 1, 17});
    for (int i = 0; i < 17; ++i) EXPECT_EQ(std::isnan(y.get(0, i)), i % 2 == 1) << i;
  }
}

TEST_P(ElementwiseKernel, MayWriteOverItsOperand) {
  std::mt19937 random(3);
  Slice a(DataType::f32, 2, 37), b(DataType::f32, 2, 37), expected(DataType::f32, 2, 37);
  a.fill(random, -3.0F, 3.0F);
  b.fill(random, -3.0F, 3.0F);
  ElementwiseCall call{a.in(), b.in(), Binary::add, Activation::relu, expected.out(), 2, 37};
  reference_vector_kernels().elementwise(call);
  call.y = a.out();
  kernels().elementwise(call);
  EXPECT_EQ(a.bytes(), expected.bytes());
}

TEST(ElementwiseReference, KnownValues) {
  const float values[] = {0.0F, 1.0F, -1.0F, 3.0F};
  const double gelu[] = {0.0, 0.8413447460685429, -0.15865525393145707, 2.9959503059051097};
  const double tanh[] = {0.0, 0.7615941559557649, -0.7615941559557649, 0.9950547536867305};
  Slice x(DataType::f32, 1, 4), y = x;
  for (int i = 0; i < 4; ++i) x.set(0, i, values[i]);
  reference_vector_kernels().elementwise({x.in(), {}, Binary::add, Activation::gelu, y.out(), 1, 4});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y.get(0, i), static_cast<float>(gelu[i]));
  reference_vector_kernels().elementwise({x.in(), {}, Binary::add, Activation::tanh, y.out(), 1, 4});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(y.get(0, i), static_cast<float>(tanh[i]));
}

}  // namespace
}  // namespace tessera
