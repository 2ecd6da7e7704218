#include "cpu/features.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

CpuFeatures everything() {
  CpuFeatures f;
  f.brand = "made-up CPU";
  f.avx2 = f.fma = f.f16c = f.bmi2 = f.avx_vnni = true;
  f.avx512f = f.avx512bw = f.avx512vl = f.avx512dq = f.avx512_vnni = f.avx512_bf16 = true;
  f.amx_tile = f.amx_int8 = f.amx_bf16 = true;
  f.os_ymm = f.os_zmm = f.os_tiles = f.amx_palette = f.amx_permission = f.amx_trial = true;
  return f;
}

TEST(CpuFeatures, EveryTierRunsOnAFullSet) {
  for (const Isa isa : all_isas) {
    EXPECT_EQ(why_unavailable(everything(), isa), std::nullopt) << name_of(isa);
    EXPECT_EQ(remedy_for(everything(), isa), "") << name_of(isa);
  }
  EXPECT_EQ(best_isa(everything()), Isa::avx512_core_amx);
  EXPECT_EQ(feature_names(everything()).size(), 14u);
}

struct Refusal {
  const char* label;
  void (*spoil)(CpuFeatures&);
  Isa lowest;  ///< the lowest tier this refuses; those above it and including it are refused too
  const char* reason;
};

void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.label;
}

const Refusal refusals[] = {
    {"avx2", [](CpuFeatures& f) { f.avx2 = false; }, Isa::avx2, "this CPU has no avx2"},
    {"fma", [](CpuFeatures& f) { f.fma = false; }, Isa::avx2, "this CPU has no fma"},
    {"f16c", [](CpuFeatures& f) { f.f16c = false; }, Isa::avx2, "this CPU has no f16c"},
    {"bmi2", [](CpuFeatures& f) { f.bmi2 = false; }, Isa::avx2, "this CPU has no bmi2"},
    {"avx_vnni", [](CpuFeatures& f) { f.avx_vnni = false; }, Isa::avx2_vnni, "this CPU has no avx_vnni"},
    {"avx512f", [](CpuFeatures& f) { f.avx512f = false; }, Isa::avx512_core, "this CPU has no avx512f"},
    {"avx512bw", [](CpuFeatures& f) { f.avx512bw = false; }, Isa::avx512_core, "this CPU has no avx512bw"},
    {"avx512vl", [](CpuFeatures& f) { f.avx512vl = false; }, Isa::avx512_core, "this CPU has no avx512vl"},
    {"avx512dq", [](CpuFeatures& f) { f.avx512dq = false; }, Isa::avx512_core, "this CPU has no avx512dq"},
    {"avx512_vnni", [](CpuFeatures& f) { f.avx512_vnni = false; }, Isa::avx512_core_vnni,
     "this CPU has no avx512_vnni"},
    {"avx512_bf16", [](CpuFeatures& f) { f.avx512_bf16 = false; }, Isa::avx512_core_bf16,
     "this CPU has no avx512_bf16"},
    {"amx_tile", [](CpuFeatures& f) { f.amx_tile = false; }, Isa::avx512_core_amx, "this CPU has no amx_tile"},
    {"amx_int8", [](CpuFeatures& f) { f.amx_int8 = false; }, Isa::avx512_core_amx, "this CPU has no amx_int8"},
    {"amx_bf16", [](CpuFeatures& f) { f.amx_bf16 = false; }, Isa::avx512_core_amx, "this CPU has no amx_bf16"},
    {"os_ymm", [](CpuFeatures& f) { f.os_ymm = false; }, Isa::avx2, "the operating system has not enabled AVX state"},
    {"os_zmm", [](CpuFeatures& f) { f.os_zmm = false; }, Isa::avx512_core,
     "the operating system has not enabled AVX-512 state"},
    {"os_tiles", [](CpuFeatures& f) { f.os_tiles = false; }, Isa::avx512_core_amx,
     "the operating system has not enabled AMX tile state"},
    {"palette", [](CpuFeatures& f) { f.amx_palette = false; }, Isa::avx512_core_amx, "the hypervisor hides palette 1"},
    {"permission",
     [](CpuFeatures& f) {
       f.amx_permission = false;
       f.amx_permission_error = "Operation not permitted";
     },
     Isa::avx512_core_amx, "the kernel refused AMX permission (Operation not permitted)"},
    {"trial", [](CpuFeatures& f) { f.amx_trial = false; }, Isa::avx512_core_amx,
     "a trial AMX instruction faulted although CPU and kernel offer AMX"},
};

class CpuRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(CpuRefusal, RefusesItsTierAndThoseAboveWithItsReason) {
  CpuFeatures features = everything();
  GetParam().spoil(features);
  for (const Isa isa : all_isas) {
    const auto reason = why_unavailable(features, isa);
    if (includes(isa, GetParam().lowest)) {
      EXPECT_EQ(reason, GetParam().reason) << name_of(isa);
      EXPECT_NE(remedy_for(features, isa), "") << name_of(isa);
    } else {
      EXPECT_EQ(reason, std::nullopt) << name_of(isa);
      EXPECT_EQ(remedy_for(features, isa), "") << name_of(isa);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CpuRefusal, testing::ValuesIn(refusals),
                         [](const auto& param) { return param.param.label; });

CpuFeatures haswell() {
  CpuFeatures f;
  f.avx2 = f.fma = f.f16c = f.bmi2 = f.os_ymm = true;
  return f;
}

TEST(CpuFeatures, TheTiersOwnBitsAreNamedBeforeThoseBelow) {
  EXPECT_EQ(why_unavailable(haswell(), Isa::avx512_core_amx), "this CPU has no amx_int8, amx_bf16, amx_tile");
  EXPECT_EQ(why_unavailable(haswell(), Isa::avx512_core_vnni), "this CPU has no avx512_vnni");
  EXPECT_EQ(why_unavailable(haswell(), Isa::avx512_core), "this CPU has no avx512f, avx512bw, avx512vl, avx512dq");
}

TEST(CpuFeatures, TheRemedyForAmxNamesACpuThatHasIt) {
  EXPECT_NE(remedy_for(haswell(), Isa::avx512_core_amx).find("Sapphire Rapids"), std::string::npos);
}

TEST(CpuFeatures, BestIsaStopsAtWhatIsMissing) {
  CpuFeatures f = haswell();
  EXPECT_EQ(best_isa(f), Isa::avx2);
  f.avx_vnni = true;
  EXPECT_EQ(best_isa(f), Isa::avx2_vnni);
  f = everything();
  f.amx_permission = false;
  EXPECT_EQ(best_isa(f), Isa::avx512_core_bf16);
  f.avx512_bf16 = false;
  EXPECT_EQ(best_isa(f), Isa::avx512_core_vnni);
  f.os_zmm = false;
  EXPECT_EQ(best_isa(f), Isa::avx2_vnni);
}

TEST(CpuFeatures, BestIsaWithoutAvx2IsUnavailableWithReasonAndRemedy) {
  try {
    (void)best_isa(CpuFeatures{});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_EQ(error.why(), "this CPU has no avx2, fma, f16c, bmi2");
    EXPECT_NE(error.remedy(), "");
  }
}

TEST(CpuFeatures, NamesAreThoseOfTheBitsPresent) {
  EXPECT_EQ(feature_names(haswell()), (std::vector<std::string>{"avx2", "fma", "f16c", "bmi2"}));
  EXPECT_TRUE(feature_names(CpuFeatures{}).empty());
}

}  // namespace
}  // namespace tessera
