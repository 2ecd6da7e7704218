// convert, to_nhwc and to_nchw: exact against the reference, guards included.
#include <limits>

#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using ConvertKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(ConvertKernel);

TEST_P(ConvertKernel, EveryPairOfTypesAndEveryTail) {
  std::mt19937 random(1);
  const Dequantize from{0.037F, 113};
  const Requantize to{0.021F, 97};
  for (const DataType x_type : vector_types) {
    for (const DataType y_type : vector_types) {
      for (const std::int64_t n : row_lengths({1000})) {
        Slice x(x_type, 3, n, 12), y(y_type, 3, n, 8), expected = y;
        x.fill(random, -4.0F, 4.0F);
        kernels().convert({x.in(from), y.out(to), 3, n});
        reference_vector_kernels().convert({x.in(from), expected.out(to), 3, n});
        ASSERT_EQ(y.bytes(), expected.bytes()) << name_of(x_type) << " -> " << name_of(y_type) << ", n " << n;
      }
    }
  }
}

TEST_P(ConvertKernel, SpecialValues) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  const float values[] = {0.0F,  -0.0F, 0.5F,   1.5F,    2.5F,        -0.5F,       -1.5F,   inf,    -inf,
                          NAN,   -NAN,  1e30F,  -1e30F,  3e9F,        1e-40F,      -1e-40F, 254.5F, 255.5F,
                          65535, 65537, 2.2e9F, -2.2e9F, 1.00390625F, 1.01171875F, 3.4e38F};
  const std::int64_t n = std::size(values);
  Slice x(DataType::f32, 1, n);
  for (std::int64_t i = 0; i < n; ++i) x.set(0, i, values[i]);
  for (const DataType y_type : vector_types) {
    for (const std::int32_t zero_point : {0, 128, 255}) {
      Slice y(y_type, 1, n), expected = y;
      kernels().convert({x.in(), y.out({1.0F, zero_point}), 1, n});
      reference_vector_kernels().convert({x.in(), expected.out({1.0F, zero_point}), 1, n});
      EXPECT_EQ(y.bytes(), expected.bytes()) << name_of(y_type);
    }
  }
}

TEST_P(ConvertKernel, EveryByteSurvivesARoundTripThroughFloat) {
  Slice bytes(DataType::u8, 1, 256), floats(DataType::f32, 1, 256), back = bytes;
  for (int q = 0; q < 256; ++q) bytes.set(0, q, static_cast<float>(q));
  const float scale = 0.0123F;
  kernels().convert({bytes.in({scale, 77}), floats.out(), 1, 256});
  kernels().convert({floats.in(), back.out({scale, 77}), 1, 256});
  EXPECT_EQ(back.bytes(), bytes.bytes());
}

/// Image geometries: channels x width, every tail of both, dense and strided pixels.
template <class Check>
void for_each_image(const Check& check) {
  for (const std::int64_t channels : {1, 2, 3, 4, 5, 15, 16, 17, 33})
    for (std::int64_t width = 1; width <= 33; ++width)
      for (const std::int64_t gap : {0, 4}) check(channels, width, gap);
}

TEST_P(ConvertKernel, ToNhwc) {
  std::mt19937 random(2);
  constexpr std::int64_t height = 3;
  for (const DataType type : vector_types) {
    for_each_image([&](std::int64_t channels, std::int64_t width, std::int64_t gap) {
      Slice x(DataType::f32, channels * height, width), y(type, height * (width + 2), channels, gap), expected = y;
      x.fill(random, -3.0F, 3.0F);
      ToNhwcCall call;
      call.x = reinterpret_cast<const float*>(x.data());
      call.y_row_stride = (width + 2) * y.stride();  // a border of two pixels
      call.channels = channels, call.height = height, call.width = width;
      call.first_row = 1, call.last_row = height;
      call.y = y.out({40.0F, 120});
      kernels().to_nhwc(call);
      call.y = expected.out({40.0F, 120});
      reference_vector_kernels().to_nhwc(call);
      ASSERT_EQ(y.bytes(), expected.bytes()) << name_of(type) << ' ' << channels << 'x' << width << " gap " << gap;
    });
  }
}

TEST_P(ConvertKernel, ToNchw) {
  std::mt19937 random(3);
  constexpr std::int64_t height = 3;
  for (const DataType type : vector_types) {
    for_each_image([&](std::int64_t channels, std::int64_t width, std::int64_t gap) {
      Slice x(type, height * (width + 2), channels, gap), y(DataType::f32, channels * height, width), expected = y;
      x.fill(random, -3.0F, 3.0F);
      ToNchwCall call;
      call.x = x.in({0.025F, 120});
      call.x_row_stride = (width + 2) * x.stride();
      call.channels = channels, call.height = height, call.width = width;
      call.first_row = 0, call.last_row = height - 1;
      call.y = reinterpret_cast<float*>(y.data());
      kernels().to_nchw(call);
      call.y = reinterpret_cast<float*>(expected.data());
      reference_vector_kernels().to_nchw(call);
      ASSERT_EQ(y.bytes(), expected.bytes()) << name_of(type) << ' ' << channels << 'x' << width << " gap " << gap;
    });
  }
}

TEST(ConvertReference, RoundsHalfToEvenAndSaturates) {
  const float values[] = {0.5F, 1.5F, -0.5F, 300.0F, -300.0F, NAN, 2.25F};
  const int expected[] = {10, 12, 10, 255, 0, 0, 12};
  Slice x(DataType::f32, 1, 7), y(DataType::u8, 1, 7);
  for (int i = 0; i < 7; ++i) x.set(0, i, values[i]);
  reference_vector_kernels().convert({x.in(), y.out({1.0F, 10}), 1, 7});
  for (int i = 0; i < 7; ++i) EXPECT_EQ(y.get(0, i), expected[i]) << values[i];
}

}  // namespace
}  // namespace tessera
