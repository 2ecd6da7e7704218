// Winograd's transforms against their matrices in double, and their identity between tiers.
#include "kernels/winograd/matrices.hpp"
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using WinogradKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(WinogradKernel);

/// Y = A^T [(G g) . (B^T d)] for the one-dimensional filter, on unit vectors: d = e_i, g = e_k gives y_n = [i == n +
/// k].
template <class Matrices>
void expect_convolution() {
  constexpr int tile = Matrices::tile, side = Matrices::side;
  for (int i = 0; i < tile; ++i) {
    for (int k = 0; k < 3; ++k) {
      for (int n = 0; n < side; ++n) {
        double y = 0;
        for (int e = 0; e < tile; ++e)
          y += Matrices::output[n][e] * Matrices::weights[Matrices::kind_of(e)][k] * Matrices::input[e][i];
        // The divisor belongs to two dimensions.
        EXPECT_NEAR(y / std::sqrt(Matrices::divisor), i == n * Matrices::stride + k ? 1.0 : 0.0, 1e-14)
            << "d " << i << " g " << k << " y " << n;
      }
    }
  }
}

/// The same where the rows of A^T have factors of their own.
void expect_multiples_of_a_convolution() {
  using Matrices = winograd::Int8_4x4;
  for (int i = 0; i < Matrices::tile; ++i) {
    for (int k = 0; k < 3; ++k) {
      for (int n = 0; n < Matrices::side; ++n) {
        double y = 0;
        for (int e = 0; e < Matrices::tile; ++e)
          y += Matrices::output[n][e] * Matrices::weights[e][k] * Matrices::input[e][i];
        EXPECT_EQ(y, i == n + k ? static_cast<double>(Matrices::row_factor[n]) : 0.0);
      }
    }
  }
}

TEST(WinogradMatrices, Convolve) {
  expect_multiples_of_a_convolution();
  expect_convolution<winograd::F32_4x4>();
  expect_convolution<winograd::F32_2x2>();
  expect_convolution<winograd::Int8_2x2>();
  expect_convolution<winograd::Stride2_2x2>();
}

/// Largest sum of magnitudes along a row: how much a transform can enlarge what it is given.
template <std::size_t rows, std::size_t columns>
constexpr double norm(const double (&matrix)[rows][columns]) {
  double largest = 0;
  for (const auto& row : matrix) {
    double sum = 0;
    for (const double value : row) sum += value < 0 ? -value : value;
    largest = sum > largest ? sum : largest;
  }
  return largest;
}

/// A two-dimensional transform rounds each element at most seven times on either pass, constants included.
template <std::size_t rows, std::size_t columns>
double bound(const double (&matrix)[rows][columns], double largest) {
  return 14 * f32_unit * norm(matrix) * norm(matrix) * largest;
}

/// Inputs and outputs of both transforms, between guards.
struct WinogradData {
  WinogradData(const WinogradTransforms& t, std::int64_t n)
      : transforms(t),
        channels(n),
        elements(t.elements()),
        pixels(t.pixel, elements, n, 4),
        v(elements * v_stride()),
        m(static_cast<std::size_t>(elements * n * 4)),
        sums(t.side * t.side * sums_stride()) {}

  [[nodiscard]] std::size_t v_stride() const {
    return static_cast<std::size_t>(channels) * size_of(transforms.operand) + 8;
  }
  [[nodiscard]] std::size_t sums_stride() const { return static_cast<std::size_t>(channels) * 4 + 8; }

  void fill_products(std::mt19937& random) {
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    for (std::size_t i = 0; i < m.size(); i += 4) {
      const float x = real(random);
      std::memcpy(&m[i], &x, 4);
    }
  }

  void run(const WinogradTransforms& with) {
    std::vector<const std::byte*> places;
    for (int i = 0; i < elements; ++i) places.push_back(pixels.row((i * 5 + 3) % elements));
    std::fill(v.begin(), v.end(), std::byte{0xa5});
    std::fill(sums.begin(), sums.end(), std::byte{0xa5});
    with.input({places.data(), v.data(), static_cast<std::int64_t>(v_stride()), channels});
    with.output({m.data(), channels * 4, sums.data(), static_cast<std::int64_t>(sums_stride()), channels});
  }

  const WinogradTransforms& transforms;
  std::int64_t channels;
  int elements;
  Slice pixels;
  std::vector<std::byte> v, m, sums;
};

template <class T>
T read(const std::vector<std::byte>& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Both transforms of `which` against their matrices in double.
template <class Matrices>
void expect_transforms(const VectorKernels& kernels, WinogradTransforms VectorKernels::*which) {
  std::mt19937 random(1);
  for (const std::int64_t channels : {16, 48}) {
    WinogradData data(kernels.*which, channels);
    data.pixels.fill(random, -1.0F, 1.0F);
    data.fill_products(random);
    data.run(kernels.*which);
    const auto v = data.v, sums = data.sums;
    data.run(reference_vector_kernels().*which);
    for (std::size_t i = 0; i + 4 <= v.size(); i += 4) {
      if (i % data.v_stride() >= data.v_stride() - 8) {
        ASSERT_EQ(v[i], std::byte{0xa5}) << "written behind a row";
        continue;
      }
      ASSERT_NEAR(read<float>(v, i), read<float>(data.v, i), bound(Matrices::input, 1.0)) << "byte " << i;
    }
    for (std::size_t i = 0; i + 4 <= sums.size(); i += 4) {
      if (i % data.sums_stride() >= data.sums_stride() - 8) {
        ASSERT_EQ(sums[i], std::byte{0xa5}) << "written behind a row";
        continue;
      }
      ASSERT_NEAR(read<float>(sums, i), read<float>(data.sums, i), bound(Matrices::output, 1.0)) << "byte " << i;
    }
  }
}

TEST_P(WinogradKernel, FloatTransforms) {
  expect_transforms<winograd::F32_4x4>(kernels(), &VectorKernels::winograd_f32);
  expect_transforms<winograd::F32_2x2>(kernels(), &VectorKernels::winograd_f32_small);
  expect_transforms<winograd::F32_4x4>(kernels(), &VectorKernels::winograd_bf16);
  expect_transforms<winograd::F32_2x2>(kernels(), &VectorKernels::winograd_bf16_small);
  expect_transforms<winograd::Stride2_2x2>(kernels(), &VectorKernels::winograd_f32_stride_2);
  expect_transforms<winograd::Stride2_2x2>(kernels(), &VectorKernels::winograd_bf16_stride_2);
}

TEST_P(WinogradKernel, IntegerTransformsAreExact) {
  std::mt19937 random(2);
  for (const auto which : {&VectorKernels::winograd_int8_small, &VectorKernels::winograd_int8_stride_2}) {
    for (const std::int64_t channels : {16, 48}) {
      WinogradData data(kernels().*which, channels);
      data.pixels.fill(random, 0.0F, 0.0F);
      // Sums of products of a convolution are multiples of four after the output transform: transform such ones.
      std::uniform_int_distribution<std::int32_t> word(-50'000'000, 50'000'000);
      for (std::size_t i = 0; i < data.m.size(); i += 4) {
        const std::int32_t x = word(random) * 4;
        std::memcpy(&data.m[i], &x, 4);
      }
      data.run(kernels().*which);
      const auto v = data.v, sums = data.sums;
      data.run(reference_vector_kernels().*which);
      EXPECT_EQ(v, data.v);
      EXPECT_EQ(sums, data.sums);
    }
  }
}

/// One channel of a tile: 36 pixels and 9 taps.
struct IntegerTile {
  static constexpr int side = winograd::Int8_4x4::side, tile = winograd::Int8_4x4::tile;
  int pixels[tile][tile] = {}, taps[3][3] = {};

  [[nodiscard]] std::int64_t output(int h, int w) const {
    std::int64_t sum = 0;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j) sum += pixels[h + i][w + j] * taps[i][j];
    return sum;
  }
  [[nodiscard]] std::int64_t transformed_pixel(int i, int j) const {
    double sum = 0;
    for (int h = 0; h < tile; ++h)
      for (int w = 0; w < tile; ++w)
        sum += winograd::Int8_4x4::input[i][h] * winograd::Int8_4x4::input[j][w] * pixels[h][w];
    return static_cast<std::int64_t>(sum);
  }
  [[nodiscard]] std::int64_t transformed_tap(int i, int j) const {
    double sum = 0;
    for (int h = 0; h < 3; ++h)
      for (int w = 0; w < 3; ++w)
        sum += winograd::Int8_4x4::weights[i][h] * winograd::Int8_4x4::weights[j][w] * taps[h][w];
    return static_cast<std::int64_t>(sum);
  }
};

TEST_P(WinogradKernel, LargeIntegerTilesAreExact) {
  std::mt19937 random(4);
  // 9 * 255 * 128 * 114 is just below 2^25.
  constexpr std::int64_t channels = 80, times = 114;
  WinogradData data(kernels().winograd_int8, channels);
  std::vector<IntegerTile> tiles(channels);
  for (std::size_t c = 0; c < tiles.size(); ++c) {
    // Extremes first: everything largest, the signs of each transform, then at random.
    for (auto& row : tiles[c].pixels)
      for (int& pixel : row)
        pixel = c < 2 ? 255 : c < 40 ? static_cast<int>(random() % 2) * 255 : static_cast<int>(random() % 256);
    for (auto& row : tiles[c].taps)
      for (int& tap : row)
        tap = c == 0   ? -128
              : c == 1 ? 127
              : c < 40 ? (random() % 2 != 0 ? 127 : -128)
                       : static_cast<int>(random() % 256) - 128;
    for (int e = 0; e < data.elements; ++e) {
      // run() takes its pixels from these rows.
      *reinterpret_cast<std::uint8_t*>(data.pixels.row((e * 5 + 3) % data.elements) + c) =
          static_cast<std::uint8_t>(tiles[c].pixels[e / 6][e % 6]);
      const std::int64_t product = tiles[c].transformed_pixel(e / 6, e % 6) * tiles[c].transformed_tap(e / 6, e % 6);
      const auto wrapped = static_cast<std::uint32_t>(times * product);
      std::memcpy(&data.m[(static_cast<std::size_t>(e) * channels + c) * 4], &wrapped, 4);
    }
  }
  data.run(kernels().winograd_int8);
  for (std::size_t c = 0; c < tiles.size(); ++c) {
    for (std::size_t e = 0; e < 36; ++e)
      ASSERT_EQ(read<std::int16_t>(data.v, e * data.v_stride() + c * 2),
                tiles[c].transformed_pixel(static_cast<int>(e / 6), static_cast<int>(e % 6)));
    for (std::size_t y = 0; y < 16; ++y)
      ASSERT_EQ(read<std::int32_t>(data.sums, y * data.sums_stride() + c * 4),
                times * tiles[c].output(static_cast<int>(y / 4), static_cast<int>(y % 4)));
  }
  const auto v = data.v, sums = data.sums;
  data.run(reference_vector_kernels().winograd_int8);
  EXPECT_EQ(v, data.v);
  EXPECT_EQ(sums, data.sums);
}

/// Weights as a file has them, at an odd address, transformed with a line between the elements.
struct WinogradWeights {
  WinogradWeights(const WinogradTransforms& t, std::mt19937& random)
      : transforms(t),
        words(t.operand == DataType::s16),
        taps(1 + std::size_t{columns * channels * 9} * weight_bytes()) {
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    for (std::byte* at = taps.data() + 1; at < taps.data() + taps.size(); at += weight_bytes()) {
      const float x = real(random);
      if (words)
        *at = static_cast<std::byte>(random() % 256);
      else
        std::memcpy(at, &x, sizeof x);
    }
  }

  [[nodiscard]] std::size_t weight_bytes() const { return words ? 1 : 4; }
  [[nodiscard]] std::vector<std::byte> transformed(const WinogradTransforms& with) const {
    const std::size_t matrix = std::size_t{columns * channels} * size_of(with.operand), stride = matrix + 64;
    std::vector<std::byte> result(static_cast<std::size_t>(with.matrices()) * stride, std::byte{0xa5});
    with.weights({taps.data() + 1, columns, channels, result.data(), static_cast<std::int64_t>(stride)});
    return result;
  }

  static constexpr std::int64_t columns = 48, channels = 5;
  const WinogradTransforms& transforms;
  bool words;
  std::vector<std::byte> taps;
};

TEST_P(WinogradKernel, WeightsAreTransformedInDouble) {
  std::mt19937 random(6);
  for (const auto which : {&VectorKernels::winograd_f32, &VectorKernels::winograd_f32_small,
                           &VectorKernels::winograd_int8, &VectorKernels::winograd_int8_small,
                           &VectorKernels::winograd_f32_stride_2, &VectorKernels::winograd_int8_stride_2}) {
    const WinogradWeights weights(kernels().*which, random);
    const auto found = weights.transformed(kernels().*which);
    const auto expected = weights.transformed(reference_vector_kernels().*which);
    EXPECT_EQ(found, weights.transformed(all_vector_kernels().front().*which)) << "bits differ between tiers";
    if (weights.words) {
      EXPECT_EQ(found, expected);
      continue;
    }
    // Both sum nine terms in double and round once: at most the last bit of the float differs.
    for (std::size_t i = 0; i < found.size(); i += 4) {
      const float x = read<float>(expected, i);
      ASSERT_NEAR(read<float>(found, i), x, std::abs(x) * 2 * f32_unit + 1e-15) << "byte " << i;
    }
  }
}

/// Whether or not they are packed first, the same words.
TEST_P(WinogradKernel, PackedTapsAreTransformedExactly) {
  std::mt19937 random(7);
  constexpr std::int64_t groups = 5;
  for (const std::int64_t lanes : {32, 64, 96}) {
    std::vector<std::byte> taps(static_cast<std::size_t>(groups * 9 * lanes));
    for (std::size_t i = 0; i < taps.size(); ++i) taps[i] = static_cast<std::byte>(i % 11 < 2 ? 127 + i % 2 : random());
    const std::int64_t stride = groups * lanes * 2 + 64;
    const auto run = [&](const VectorKernels& tier) {
      std::vector<std::byte> result(static_cast<std::size_t>(36 * stride), std::byte{0xa5});
      tier.winograd_int8.taps({taps.data(), groups, lanes, result.data(), stride});
      return result;
    };
    EXPECT_EQ(run(kernels()), run(reference_vector_kernels())) << lanes;
  }
}

TEST_P(WinogradKernel, SameBitsAsTheFirstTier) {
  for (const auto which : {&VectorKernels::winograd_f32, &VectorKernels::winograd_f32_small,
                           &VectorKernels::winograd_bf16, &VectorKernels::winograd_f32_stride_2}) {
    std::mt19937 random(3);
    WinogradData data(kernels().*which, 64);
    data.pixels.fill(random, -3.0F, 3.0F);
    data.run(kernels().*which);
    data.fill_products(random);
    data.run(kernels().*which);
    const auto v = data.v, sums = data.sums;
    data.run(all_vector_kernels().front().*which);
    EXPECT_EQ(v, data.v);
    EXPECT_EQ(sums, data.sums);
  }
}

}  // namespace
}  // namespace tessera
