#include <gtest/gtest.h>

#include <array>

#include "cpu/features.hpp"
#include "kernels/peak/peak.hpp"
#include "kernels/peak/tile_clock.hpp"

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
    const double rate = measure_loop(loop).gops;
    EXPECT_GT(rate, 0.1) << loop.name;
    EXPECT_LT(rate, 10.0 * loop.operations / 4) << loop.name;
  }
}

TEST(Peak, ASampleCountsBetweenTwoFastSteps) {
  constexpr double ns = 1e-9;
  EXPECT_TRUE(undisturbed(23 * ns, 24 * ns));
  EXPECT_FALSE(undisturbed(23 * ns, 27 * ns)) << "the clock changed";
  EXPECT_FALSE(undisturbed(110 * ns, 111 * ns)) << "a neighbour all the time";
  EXPECT_FALSE(undisturbed(23 * ns, 110 * ns)) << "a neighbour who came";
}

TEST(Peak, TheLeastOfSomeSamples) {
  int sample = 0;
  const LeastTime least = least_time(false, 3, [&] {
    return std::array{3.0, 2.0, 4.0}[static_cast<std::size_t>(sample++)];
  });
  EXPECT_EQ(least.seconds, 2.0);
  EXPECT_FALSE(least.disturbed);
  EXPECT_EQ(sample, 3);
}

TEST(Peak, MeasuresAllTypesOfATier) {
  const PeakResult peak = measure_peak(Isa::avx2);
  EXPECT_GT(peak.f32_gflops, 0.1);
  EXPECT_GT(peak.bf16_gflops, 0.1);
  EXPECT_GT(peak.int8_gops, 0.1);
}

}  // namespace
}  // namespace tessera
