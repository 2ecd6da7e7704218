#include "compare/cases.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.hpp"
#include "cpu/features.hpp"

namespace tessera {
namespace {

CpuFeatures avx2_machine() {
  CpuFeatures features;
  features.brand = "test";
  features.avx2 = features.fma = features.f16c = features.bmi2 = features.os_ymm = true;
  return features;
}

CpuFeatures avx512_bf16_machine() {
  CpuFeatures features = avx2_machine();
  features.avx512f = features.avx512bw = features.avx512vl = features.avx512dq = features.os_zmm = true;
  features.avx512_vnni = features.avx512_bf16 = true;
  return features;
}

CpuFeatures amx_machine() {
  CpuFeatures features = avx512_bf16_machine();
  features.amx_tile = features.amx_int8 = features.amx_bf16 = true;
  features.os_tiles = features.amx_palette = features.amx_permission = features.amx_trial = true;
  return features;
}

/// A machine on which every tier that its CPU has also has kernels.
Availability on(const CpuFeatures& features) {
  return [features](Isa isa) { return why_unavailable(features, isa); };
}

std::vector<CaseRequest> parsed(const std::vector<std::string>& words) {
  std::vector<CaseRequest> requests;
  for (const std::string& word : words) requests.push_back(parse_case(word));
  return requests;
}

/// "name" for rows that run, "-name" for those that cannot.
std::vector<std::string> names(const std::vector<PlannedCase>& rows) {
  std::vector<std::string> list;
  for (const PlannedCase& row : rows) list.push_back((row.unavailable ? "-" : "") + row.name);
  return list;
}

std::vector<std::string> plan(const std::vector<CaseRequest>& requests, const CpuFeatures& features,
                              std::optional<Isa> ceiling = std::nullopt) {
  return names(plan_cases(requests, on(features), ceiling, false));
}

using Names = std::vector<std::string>;

TEST(Cases, ParsesPrecisionAndIsa) {
  const CaseRequest request = parse_case("int8@avx512_core_vnni");
  EXPECT_EQ(request.name, "int8@avx512_core_vnni");
  EXPECT_EQ(request.precision, Precision::int8);
  EXPECT_EQ(request.isa, Isa::avx512_core_vnni);
  EXPECT_FALSE(parse_case("bf16").isa.has_value());
  EXPECT_EQ(parse_case("fp32@AVX2").name, "fp32@avx2");
}

TEST(Cases, WordsThatAreNoCase) {
  for (const char* word : {"", "fp16", "int8@", "int8@avx9", "@avx2", "int8@avx2@avx2", "int8 @avx2"}) {
    try {
      parse_case(word);
      ADD_FAILURE() << word << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_FALSE(error.remedy().empty());
    }
  }
}

TEST(Cases, DefaultsOnAvx2RunEveryPrecisionOnceAndKeepTheRowsThatCannot) {
  EXPECT_EQ(plan(default_cases(), avx2_machine()),
            (Names{"fp32", "-bf16@avx512_core_amx", "bf16@avx2", "-int8@avx512_core_vnni", "-int8@avx512_core_amx",
                   "int8@avx2"}));
}

TEST(Cases, UnavailableRowsSayWhy) {
  for (const PlannedCase& row : plan_cases(default_cases(), on(avx2_machine()), std::nullopt, false))
    if (row.unavailable) {
      EXPECT_NE(row.unavailable->find(row.name.ends_with("amx") ? "amx" : "avx512"), std::string::npos);
    }
}

TEST(Cases, DefaultsOnAvx512NameTheFallbackForTheCodeThatRuns) {
  // int8 on avx512_core_bf16 is the avx512_core_vnni code, which the list already measures.
  EXPECT_EQ(plan(default_cases(), avx512_bf16_machine()),
            (Names{"fp32", "-bf16@avx512_core_amx", "bf16@avx512_core_bf16", "int8@avx512_core_vnni",
                   "-int8@avx512_core_amx"}));
}

TEST(Cases, DefaultsOnAmxAllRun) {
  EXPECT_EQ(plan(default_cases(), amx_machine()),
            (Names{"fp32", "bf16@avx512_core_amx", "int8@avx512_core_vnni", "int8@avx512_core_amx"}));
}

TEST(Cases, CeilingHoldsForDefaultsButNotForWhatWasAskedFor) {
  EXPECT_EQ(plan(default_cases(), amx_machine(), Isa::avx2),
            (Names{"fp32", "-bf16@avx512_core_amx", "bf16@avx2", "-int8@avx512_core_vnni", "-int8@avx512_core_amx",
                   "int8@avx2"}));
  EXPECT_EQ(plan(parsed({"int8@avx512_core_amx"}), amx_machine(), Isa::avx2), (Names{"int8@avx512_core_amx"}));
  const auto rows = plan_cases(parsed({"fp32"}), on(amx_machine()), Isa::avx512_core, false);
  EXPECT_EQ(rows.front().isa, Isa::avx512_core);
}

TEST(Cases, FallbackIsNotRunTwice) {
  EXPECT_EQ(plan(parsed({"int8@avx2", "int8@avx512_core_vnni"}), avx2_machine()),
            (Names{"int8@avx2", "-int8@avx512_core_vnni"}));
  EXPECT_EQ(plan(parsed({"fp32", "fp32@avx512_core"}), avx2_machine()), (Names{"fp32", "-fp32@avx512_core"}));
  EXPECT_EQ(plan(parsed({"fp32", "fp32"}), avx2_machine()), (Names{"fp32"}));
}

TEST(Cases, StrictIsAnError) {
  try {
    plan_cases(default_cases(), on(avx2_machine()), std::nullopt, true);
    FAIL() << "an unavailable case was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_NE(error.subject().find("bf16@avx512_core_amx"), std::string::npos);
  }
  EXPECT_NO_THROW(plan_cases(default_cases(), on(amx_machine()), std::nullopt, true));
}

TEST(Cases, ServingTierHasTheKernelsOfTheBestTier) {
  for (const Isa best : all_isas)
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
      const Isa tier = serving_tier(precision, best, on(amx_machine()));
      EXPECT_TRUE(includes(best, tier));
      EXPECT_EQ(has_avx512(tier), has_avx512(best));
      if (precision == Precision::int8) {
        EXPECT_EQ(has_int8_dot(tier), has_int8_dot(best));
      }
      if (precision == Precision::bf16) {
        EXPECT_EQ(has_bf16_dot(tier), has_bf16_dot(best));
      }
      if (precision != Precision::fp32) {
        EXPECT_EQ(has_tiles(tier), has_tiles(best));
      }
    }
}

TEST(Cases, ATierWithoutKernelsIsNeitherRunNorFallenBackTo) {
  const Availability no_vnni = [](Isa isa) -> std::optional<std::string> {
    if (isa == Isa::avx512_core_vnni || isa == Isa::avx512_core_amx) return "no kernels yet";
    return std::nullopt;
  };
  EXPECT_EQ(names(plan_cases(default_cases(), no_vnni, std::nullopt, false)),
            (Names{"fp32", "-bf16@avx512_core_amx", "bf16@avx512_core_bf16", "-int8@avx512_core_vnni",
                   "-int8@avx512_core_amx", "int8@avx512_core_bf16"}));
}

TEST(Cases, BestTierUnderACeilingThatIsNoAncestor) {
  CpuFeatures client = avx2_machine();
  client.avx_vnni = true;
  EXPECT_EQ(best_isa_below(on(client), std::nullopt), Isa::avx2_vnni);
  EXPECT_EQ(best_isa_below(on(client), Isa::avx512_core), Isa::avx2);  // avx2_vnni is not below avx512_core
  EXPECT_THROW(best_isa_below(on(CpuFeatures{}), Isa::avx2), Error);
}

}  // namespace
}  // namespace tessera
