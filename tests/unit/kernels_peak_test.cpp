#include <gtest/gtest.h>

#include "cpu/features.hpp"
#include "kernels/peak/peak.hpp"

namespace tessera {
namespace {

TEST(Peak, TheHighestTierWithinTheCeilingIsChosen) {
  EXPECT_STREQ(find_peak_loop(DataType::u8, Isa::avx2)->name, "avx2-int8");
  EXPECT_STREQ(find_peak_loop(DataType::u8, Isa::avx2_vnni)->name, "avx2_vnni-int8");
  EXPECT_STREQ(find_peak_loop(DataType::u8, Isa::avx512_core)->name, "avx512_core-int8");
  EXPECT_STREQ(find_peak_loop(DataType::u8, Isa::avx512_core_bf16)->name, "avx512_core_vnni-int8");
  EXPECT_STREQ(find_peak_loop(DataType::u8, Isa::avx512_core_amx)->name, "avx512_core_amx-int8");
  EXPECT_STREQ(find_peak_loop(DataType::bf16, Isa::avx512_core_vnni)->name, "avx512_core-bf16");
  EXPECT_STREQ(find_peak_loop(DataType::bf16, Isa::avx512_core_bf16)->name, "avx512_core_bf16-bf16");
  EXPECT_STREQ(find_peak_loop(DataType::f32, Isa::avx512_core_bf16)->name, "avx512_core-f32");
  EXPECT_EQ(find_peak_loop(DataType::i64, Isa::avx512_core_bf16), nullptr);
}

TEST(Peak, EveryLoopThatRunsHereHasAPlausibleRate) {
  for (const PeakLoop& loop : all_peak_loops()) {
    if (const auto reason = why_unavailable(cpu_features(), loop.isa)) {
      RecordProperty(loop.name, *reason);
      continue;
    }
    // Above what scalar code does at 0.1 GHz, below two of the widest units at 10 GHz: a loop that the compiler removed
    // shows.
    const double rate = measure_loop(loop);
    EXPECT_GT(rate, 0.1) << loop.name;
    EXPECT_LT(rate, 10.0 * loop.operations / 4) << loop.name;
  }
}

TEST(Peak, MeasuresAllTypesOfATier) {
  const PeakResult peak = measure_peak(Isa::avx2);
  EXPECT_GT(peak.f32_gflops, 0.1);
  EXPECT_GT(peak.bf16_gflops, 0.1);
  EXPECT_GT(peak.int8_gops, 0.1);
}

}  // namespace
}  // namespace tessera
