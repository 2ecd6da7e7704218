#include "tessera/isa.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace tessera {
namespace {

TEST(Isa, NamesAndTheirReadingAreInverse) {
  for (const Isa isa : all_isas) EXPECT_EQ(isa_from_name(name_of(isa)), isa) << name_of(isa);
}

TEST(Isa, NamesAreReadInAnyCase) {
  EXPECT_EQ(isa_from_name("AVX512_CORE_AMX"), Isa::avx512_core_amx);
  EXPECT_EQ(isa_from_name("Avx2_Vnni"), Isa::avx2_vnni);
}

TEST(Isa, OtherNamesAreNoTier) {
  for (const char* name : {"", "avx", "avx22", "avx2 ", "avx512", "avx512_core_am", "nonsense"}) {
    EXPECT_FALSE(isa_from_name(name)) << name;
  }
}

TEST(Isa, IncludesIsExactlyThisLattice) {
  const std::map<Isa, std::set<Isa>> lattice = {
      {Isa::avx2, {Isa::avx2}},
      {Isa::avx2_vnni, {Isa::avx2, Isa::avx2_vnni}},
      {Isa::avx512_core, {Isa::avx2, Isa::avx512_core}},
      {Isa::avx512_core_vnni, {Isa::avx2, Isa::avx512_core, Isa::avx512_core_vnni}},
      {Isa::avx512_core_bf16, {Isa::avx2, Isa::avx512_core, Isa::avx512_core_vnni, Isa::avx512_core_bf16}},
      {Isa::avx512_core_amx,
       {Isa::avx2, Isa::avx512_core, Isa::avx512_core_vnni, Isa::avx512_core_bf16, Isa::avx512_core_amx}},
  };
  for (const Isa ceiling : all_isas) {
    for (const Isa tier : all_isas) {
      EXPECT_EQ(includes(ceiling, tier), lattice.at(ceiling).contains(tier))
          << name_of(ceiling) << " " << name_of(tier);
    }
  }
}

TEST(Isa, CapabilitiesFollowTheTier) {
  EXPECT_FALSE(has_int8_dot(Isa::avx2));
  EXPECT_TRUE(has_int8_dot(Isa::avx2_vnni));
  EXPECT_FALSE(has_avx512(Isa::avx2_vnni));
  EXPECT_FALSE(has_int8_dot(Isa::avx512_core));
  EXPECT_TRUE(has_int8_dot(Isa::avx512_core_vnni));
  EXPECT_FALSE(has_bf16_dot(Isa::avx512_core_vnni));
  EXPECT_TRUE(has_bf16_dot(Isa::avx512_core_bf16));
  EXPECT_FALSE(has_tiles(Isa::avx512_core_bf16));
  EXPECT_TRUE(has_tiles(Isa::avx512_core_amx));
}

}  // namespace
}  // namespace tessera
