// Pooling: exact against the reference for every type, geometry and channel tail.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using PoolKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(PoolKernel);

struct Geometry {
  std::int64_t height, width, out_height, out_width;
  int kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
};
constexpr Geometry geometries[] = {
    {5, 6, 5, 6, 1, 1, 1, 1, 0, 0}, {7, 8, 4, 4, 3, 3, 2, 2, 1, 1}, {7, 7, 1, 1, 7, 7, 1, 1, 0, 0},
    {6, 5, 3, 2, 2, 3, 2, 2, 0, 1}, {4, 4, 4, 4, 3, 3, 1, 1, 1, 1}, {5, 9, 2, 4, 2, 2, 3, 2, 0, 0},  // the last cut off
};

/// One call on an input and an output with borders of one pixel.
struct PoolCase {
  Geometry g;
  Slice x, y;
  PoolCall call;

  PoolCase(const Geometry& geometry, DataType x_type, DataType y_type, std::int64_t channels, std::mt19937& random)
      : g(geometry),
        x(x_type, g.height * (g.width + 1), channels, 4),
        y(y_type, g.out_height * (g.out_width + 1), channels, 8) {
    x.fill(random, -3.0F, 3.0F);
    call.x_row_stride = (g.width + 1) * x.stride();
    call.y_row_stride = (g.out_width + 1) * y.stride();
    call.height = g.height, call.width = g.width, call.channels = channels, call.out_width = g.out_width;
    call.kernel_h = g.kernel_h, call.kernel_w = g.kernel_w, call.stride_h = g.stride_h, call.stride_w = g.stride_w;
    call.pad_top = g.pad_top, call.pad_left = g.pad_left;
    call.first_row = g.out_height > 2 ? 1 : 0, call.last_row = g.out_height;
  }

  void check(const VectorKernels& kernels, bool average, const Dequantize& from, const Requantize& to) {
    call.average = average;
    call.x = x.in(from);
    Slice expected = y;
    call.y = y.out(to);
    kernels.pool(call);
    call.y = expected.out(to);
    reference_vector_kernels().pool(call);
    ASSERT_EQ(y.bytes(), expected.bytes())
        << "average " << average << " channels " << call.channels << " kernel " << g.kernel_h << 'x' << g.kernel_w;
  }
};

TEST_P(PoolKernel, EveryTypeGeometryAndTail) {
  std::mt19937 random(1);
  for (const DataType x_type : vector_types) {
    for (const DataType y_type : vector_types) {
      for (const Geometry& geometry : geometries) {
        for (const std::int64_t channels : row_lengths({80, 128, 133})) {
          PoolCase pool(geometry, x_type, y_type, channels, random);
          pool.check(kernels(), false, {0.04F, 120}, {0.05F, 110});
          pool.check(kernels(), true, {0.04F, 120}, {0.05F, 110});
          pool.call.count_include_pad = true;
          pool.check(kernels(), true, {0.04F, 120}, {0.05F, 110});
        }
      }
    }
  }
}

TEST_P(PoolKernel, MaximumOfBytesUnderOneQuantization) {
  std::mt19937 random(2);
  for (const Geometry& geometry : geometries) {
    for (const std::int64_t channels : row_lengths({80, 128, 133})) {
      PoolCase pool(geometry, DataType::u8, DataType::u8, channels, random);
      pool.check(kernels(), false, {0.04F, 120}, {0.04F, 120});
    }
  }
}

TEST(PoolReference, KnownValues) {
  Slice x(DataType::f32, 4, 1), y(DataType::f32, 1, 1);  // a 2 x 2 image of one channel
  for (int i = 0; i < 4; ++i) x.set(i, 0, static_cast<float>(i + 1));
  PoolCall call;
  call.x = x.in(), call.y = y.out();
  call.x_row_stride = 2 * x.stride(), call.y_row_stride = y.stride();
  call.height = call.width = 2, call.channels = 1, call.out_width = 1, call.last_row = 1;
  call.kernel_h = call.kernel_w = 3, call.pad_top = call.pad_left = 1;
  reference_vector_kernels().pool(call);
  EXPECT_EQ(y.get(0, 0), 4.0);
  call.average = true;
  reference_vector_kernels().pool(call);
  EXPECT_EQ(y.get(0, 0), 2.5);
  call.count_include_pad = true;
  reference_vector_kernels().pool(call);
  EXPECT_EQ(y.get(0, 0), static_cast<double>(10.0F / 9.0F));
}

}  // namespace
}  // namespace tessera
