// The table of vector kernels, and the promise that all of its tiers give the same bits.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

TEST(VectorTable, HighestIncludedTierIsChosen) {
  EXPECT_EQ(vector_kernels(Isa::avx2).isa, Isa::avx2);
  EXPECT_EQ(vector_kernels(Isa::avx2_vnni).isa, Isa::avx2);
  for (const Isa ceiling : {Isa::avx512_core, Isa::avx512_core_vnni, Isa::avx512_core_bf16, Isa::avx512_core_amx})
    EXPECT_EQ(vector_kernels(ceiling).isa, Isa::avx512_core) << name_of(ceiling);
}

TEST(VectorTable, NamesAreTierNames) {
  for (const VectorKernels& kernels : all_vector_kernels()) EXPECT_EQ(kernels.name, name_of(kernels.isa));
}

/// Kernels with roundings along the way: here the tiers could differ. The others are equal to the reference bit for
/// bit.
class TiersAgree : public VectorKernelTest {
 protected:
  /// Runs `run` on this tier and on avx2 with outputs of their own and compares all bytes.
  template <class Run>
  void compare(DataType type, std::int64_t rows, std::int64_t n, const Run& run) {
    Slice mine(type, rows, n), first = mine;
    run(kernels(), mine.out({60.0F, 100}));
    run(all_vector_kernels().front(), first.out({60.0F, 100}));
    ASSERT_EQ(mine.bytes(), first.bytes()) << name_of(type) << " n " << n;
  }
};
TESSERA_FOR_EACH_TIER(TiersAgree);

TEST_P(TiersAgree, Softmax) {
  std::mt19937 random(1);
  for (const DataType type : {DataType::f32, DataType::bf16}) {
    for (const std::int64_t n : row_lengths({128, 384, 1000, 5000})) {
      Slice x(DataType::f32, 3, n), mask = x;
      x.fill(random, -40.0F, 40.0F);
      mask.fill(random, -5.0F, 0.0F);
      compare(type, 3, n, [&](const VectorKernels& tier, const RowsOut& y) {
        tier.softmax({x.in(), y, reinterpret_cast<const float*>(mask.data()), n, 0.3F, 3, n});
      });
    }
  }
}

TEST_P(TiersAgree, LayerNorm) {
  std::mt19937 random(2);
  for (const DataType x_type : {DataType::f32, DataType::bf16}) {
    for (const DataType type : vector_types) {
      for (const std::int64_t n : row_lengths({768, 1000})) {
        Slice x(x_type, 3, n), gamma(DataType::f32, 1, n), beta = gamma;
        x.fill(random, -2.0F, 3.0F);
        gamma.fill(random, -1.5F, 1.5F);
        beta.fill(random, -1.0F, 1.0F);
        for (const bool centred : {true, false})
          compare(type, 3, n, [&](const VectorKernels& tier, const RowsOut& y) {
            tier.layer_norm({x.in(), y, reinterpret_cast<const float*>(gamma.data()),
                             reinterpret_cast<const float*>(beta.data()), 1e-12F, centred, 3, n});
          });
      }
    }
  }
}

TEST_P(TiersAgree, Activations) {
  std::mt19937 random(3);
  for (const DataType type : vector_types) {
    for (const Activation activation : {Activation::gelu, Activation::tanh}) {
      for (const float reach : {0.01F, 1.0F, 20.0F}) {
        constexpr std::int64_t n = 1003;
        Slice x(DataType::f32, 3, n);
        x.fill(random, -reach, reach);
        compare(type, 3, n, [&](const VectorKernels& tier, const RowsOut& y) {
          tier.elementwise({x.in(), {}, Binary::add, activation, y, 3, n});
        });
      }
    }
  }
}

}  // namespace
}  // namespace tessera
