// Packing activations as B panels: exact against the reference.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using PackKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(PackKernel);

/// The three ways a source can lie in memory.
enum class Contiguous { k, n, neither };

void check_pack(const VectorKernels& kernels, DataType type, int k_group, int nr, Contiguous contiguous, std::int64_t k,
                std::int64_t n, std::mt19937& random) {
  const auto element = static_cast<std::int64_t>(size_of(type));
  const std::int64_t step = contiguous == Contiguous::neither ? 3 : 1;
  const bool by_k = contiguous != Contiguous::n;
  Slice source(type, by_k ? n : k, (by_k ? k : n) * step, 12);
  source.fill(random, -2.0F, 2.0F);

  const std::int64_t panels = (n + nr - 1) / nr, groups = (k + k_group - 1) / k_group;
  PackCall call;
  call.data = source.data();
  call.type = type;
  call.k = k, call.n = n, call.nr = nr, call.k_group = k_group;
  call.k_stride = by_k ? step * element : source.stride();
  call.n_stride = by_k ? source.stride() : element;
  call.first_panel = panels > 1 ? 1 : 0, call.last_panel = panels;
  Slice target(DataType::f32, panels, groups * nr), expected = target;
  call.target = target.data();
  kernels.pack(call);
  call.target = expected.data();
  reference_vector_kernels().pack(call);
  ASSERT_EQ(target.bytes(), expected.bytes()) << name_of(type) << " k_group " << k_group << " nr " << nr << " layout "
                                              << static_cast<int>(contiguous) << " k " << k << " n " << n;
}

TEST_P(PackKernel, EveryTypeGroupLayoutAndTail) {
  std::mt19937 random(1);
  for (const DataType type : {DataType::f32, DataType::bf16})
    for (const int k_group : {1, 2})
      for (const int nr : {16, 32, 64})
        for (const Contiguous contiguous : {Contiguous::k, Contiguous::n, Contiguous::neither})
          for (std::int64_t tail = 1; tail <= 35; ++tail) {
            check_pack(kernels(), type, k_group, nr, contiguous, tail, 36 - tail, random);
            check_pack(kernels(), type, k_group, nr, contiguous, 64, tail, random);
            check_pack(kernels(), type, k_group, nr, contiguous, tail, 70, random);
          }
}

TEST_P(PackKernel, BytesAroundTheMiddle) {
  std::mt19937 random(2);
  for (const int k_group : {2, 4})
    for (const int nr : {16, 32, 64})
      for (const Contiguous contiguous : {Contiguous::k, Contiguous::n, Contiguous::neither})
        for (std::int64_t tail = 1; tail <= 35; ++tail) {
          check_pack(kernels(), DataType::u8, k_group, nr, contiguous, 64, tail, random);
          check_pack(kernels(), DataType::u8, k_group, nr, contiguous, tail, 70, random);
        }
}

TEST(PackReference, PairsOfRowsLieSideBySide) {
  const float values[3][2] = {{1, 2}, {3, 4}, {5, 6}};  // k = 3, n = 2
  PackCall call;
  call.data = reinterpret_cast<const std::byte*>(values);
  call.k = 3, call.n = 2, call.k_stride = 8, call.n_stride = 4, call.nr = 3, call.k_group = 2, call.last_panel = 1;
  Slice target(DataType::bf16, 1, 12);
  call.target = target.data();
  reference_vector_kernels().pack(call);
  const double expected[] = {1, 3, 2, 4, 0, 0, 5, 0, 6, 0, 0, 0};
  for (int i = 0; i < 12; ++i) EXPECT_EQ(target.get(0, i), expected[i]) << i;
}

}  // namespace
}  // namespace tessera
