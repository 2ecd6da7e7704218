// The packed layout of weights, element by element against its description in brgemm.hpp.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "core/error.hpp"
#include "kernels/brgemm/brgemm.hpp"

namespace tessera {
namespace {

/// The value that element (k, n) gets: different for all, exact in every type.
int value_of(std::int64_t k, std::int64_t n) {
  return static_cast<int>((k * 37 + n * 11) % 101) - 50;
}

template <typename T>
std::vector<T> weights(std::int64_t k, std::int64_t n, std::int64_t k_stride, std::int64_t n_stride) {
  std::vector<T> data(static_cast<std::size_t>((k - 1) * k_stride + (n - 1) * n_stride + 1));
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      data[static_cast<std::size_t>(i * k_stride + j * n_stride)] = static_cast<T>(value_of(i, j));
  return data;
}

/// Element `index` of packed weights as a float.
float packed_value(const BrgemmKernel& kernel, const std::vector<std::byte>& packed, std::size_t index) {
  const auto read = [&](auto value) {
    std::memcpy(&value, packed.data() + index * sizeof(value), sizeof(value));
    return static_cast<float>(value);
  };
  switch (kernel.b) {
    case DataType::bf16: return read(bfloat16());
    case DataType::s8: return read(std::int8_t());
    case DataType::s16: return read(std::int16_t());
    default: return read(0.0F);
  }
}

void expect_layout(const BrgemmKernel& kernel, const std::vector<std::byte>& packed,
                   const std::vector<std::int64_t>& segment_k, std::int64_t n) {
  std::size_t index = 0;
  for (std::int64_t n0 = 0; n0 < n; n0 += kernel.nr) {
    std::int64_t k0 = 0;
    for (const std::int64_t k : segment_k) {
      for (std::int64_t group = 0; group < k; group += kernel.k_group) {
        for (std::int64_t column = n0; column < n0 + kernel.nr; ++column) {
          for (std::int64_t i = group; i < group + kernel.k_group; ++i, ++index) {
            const int expected = i < k && column < n ? value_of(k0 + i, column) : 0;
            ASSERT_EQ(packed_value(kernel, packed, index), static_cast<float>(expected))
                << kernel.name << " at " << index;
          }
        }
      }
      k0 += k;
    }
  }
  EXPECT_EQ(index * size_of(kernel.b), packed.size());
}

std::vector<std::byte> pack(const BrgemmKernel& kernel, const std::vector<std::int64_t>& segment_k, std::int64_t n,
                            bool transposed) {
  const std::int64_t k = std::accumulate(segment_k.begin(), segment_k.end(), std::int64_t{0});
  const std::int64_t k_stride = transposed ? 1 : n, n_stride = transposed ? k : 1;
  // Garbage first: packing must write the padding too.
  std::vector<std::byte> packed(packed_b_bytes(kernel, segment_k, n), std::byte{0x7f});
  const auto pack_from = [&](const auto& source, DataType type) {
    pack_b(kernel, {reinterpret_cast<const std::byte*>(source.data()), type, k, n, k_stride, n_stride}, segment_k,
           packed.data());
  };
  if (kernel.b == DataType::s8 || kernel.b == DataType::s16) {
    pack_from(weights<std::int8_t>(k, n, k_stride, n_stride), DataType::s8);
  } else {
    pack_from(weights<float>(k, n, k_stride, n_stride), DataType::f32);
  }
  return packed;
}

TEST(BrgemmPack, LayoutIsAsDescribed) {
  for (const BrgemmKernel& kernel : all_brgemm()) {
    for (const std::vector<std::int64_t>& segment_k :
         {std::vector<std::int64_t>{64}, {1}, {21, 21, 21}, {147}, {3, 5, 33}}) {
      for (const std::int64_t n : {1, kernel.nr - 1, kernel.nr, 2 * kernel.nr + 5}) {
        for (const bool transposed : {false, true})
          expect_layout(kernel, pack(kernel, segment_k, n, transposed), segment_k, n);
      }
    }
  }
}

TEST(BrgemmPack, CuttingASegmentAtAGroupChangesNothing) {
  for (const BrgemmKernel& kernel : all_brgemm()) {
    EXPECT_EQ(pack(kernel, {576}, 40, false), pack(kernel, {208, 208, 160}, 40, false));
    EXPECT_EQ(packed_panel_bytes(kernel, std::vector<std::int64_t>{576}),
              packed_k_bytes(kernel, 208) + packed_k_bytes(kernel, 368));
  }
}

TEST(BrgemmPack, Bf16WeightsAreRoundedToNearestEven) {
  const BrgemmKernel& kernel = *find_brgemm(DataType::bf16, DataType::bf16, Isa::avx2);
  const std::vector<float> source = {1.00390625F, 1.01171875F, -1.00390637F,
                                     3.0e38F};  // ties down, ties up, above a tie
  const std::vector<std::int64_t> segment_k = {4};
  std::vector<std::byte> packed(packed_b_bytes(kernel, segment_k, 1));
  pack_b(kernel, {reinterpret_cast<const std::byte*>(source.data()), DataType::f32, 4, 1, 1, 1}, segment_k,
         packed.data());
  const std::vector<float> expected = {1.0F, 1.015625F, -1.0078125F, static_cast<float>(bfloat16(3.0e38F))};
  for (std::size_t k = 0; k < 4; ++k) {
    const std::size_t index = k / 2 * 2 * static_cast<std::size_t>(kernel.nr) + k % 2;
    EXPECT_EQ(packed_value(kernel, packed, index), expected[k]);
  }
}

TEST(BrgemmPack, OtherTypesAreRejected) {
  const BrgemmKernel& kernel = *find_brgemm(DataType::u8, DataType::s8, Isa::avx2);
  const std::vector<std::int64_t> segment_k = {4};
  std::vector<std::byte> packed(packed_b_bytes(kernel, segment_k, 1));
  const float source[4] = {};
  EXPECT_THROW(
      pack_b(kernel, {reinterpret_cast<const std::byte*>(source), DataType::f32, 4, 1, 1, 1}, segment_k, packed.data()),
      Error);
}

}  // namespace
}  // namespace tessera
