// u8 -> s16: every tier writes what plain loops write, piece over piece, and nothing else.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using WidenKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(WidenKernel);

TEST_P(WidenKernel, WidensPieces) {
  constexpr std::int64_t most = 100, pieces = 7, x_stride = 37;
  std::mt19937 random(3);
  std::vector<std::byte> x(static_cast<std::size_t>(pieces * x_stride + most + 64));
  for (std::byte& byte : x) byte = static_cast<std::byte>(random());
  for (const std::int64_t n : row_lengths({most})) {
    // Side by side, overlapping as the windows of an image do where whole vectors are written, and apart.
    for (const std::int64_t y_stride : {2 * (n + n % 2), 4 * (n / 4 + 1), 2 * n + 32}) {
      const auto run = [&](const VectorKernels& kernels) {
        std::vector<std::byte> y(static_cast<std::size_t>(pieces * y_stride + 2 * most + 64), std::byte{0xa5});
        kernels.widen({x.data(), y.data() + 32, n, pieces, x_stride, y_stride});
        return y;
      };
      EXPECT_EQ(run(kernels()), run(reference_vector_kernels())) << n << " " << y_stride;
    }
  }
}

}  // namespace
}  // namespace tessera
