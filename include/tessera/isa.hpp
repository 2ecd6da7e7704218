// Isa: the tiers of x86 instruction sets a session can be limited to, under oneDNN's names.
//
// The tiers are not a plain ladder: avx2_vnni (client CPUs with AVX-VNNI) is not contained in avx512_core. Code asks
// capability questions (includes, has_...) instead of comparing tiers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tessera/export.h"

namespace tessera {

enum class Isa : std::uint8_t {
  avx2,              ///< AVX2, FMA, F16C, BMI2
  avx2_vnni,         ///< + AVX-VNNI: vpdpbusd ymm
  avx512_core,       ///< + AVX-512 F, BW, VL, DQ
  avx512_core_vnni,  ///< + AVX512_VNNI: vpdpbusd zmm
  avx512_core_bf16,  ///< + AVX512_BF16: vdpbf16ps
  avx512_core_amx,   ///< + AMX-TILE, AMX-INT8, AMX-BF16
};

inline constexpr std::array all_isas = {
    Isa::avx2, Isa::avx2_vnni, Isa::avx512_core, Isa::avx512_core_vnni, Isa::avx512_core_bf16, Isa::avx512_core_amx};

/// "avx512_core_vnni"
TESSERA_API std::string_view name_of(Isa isa) noexcept;
/// The tier of that name (any case), or nothing.
TESSERA_API std::optional<Isa> isa_from_name(std::string_view name) noexcept;

/// Whether a session on `ceiling` may use code compiled for `tier`.
constexpr bool includes(Isa ceiling, Isa tier) noexcept {
  if (tier == Isa::avx2 || ceiling == tier) return true;
  return tier != Isa::avx2_vnni && ceiling > tier;
}

constexpr bool has_avx512(Isa isa) noexcept {
  return includes(isa, Isa::avx512_core);
}
constexpr bool has_int8_dot(Isa isa) noexcept {
  return isa == Isa::avx2_vnni || includes(isa, Isa::avx512_core_vnni);
}
constexpr bool has_bf16_dot(Isa isa) noexcept {
  return includes(isa, Isa::avx512_core_bf16);
}
constexpr bool has_tiles(Isa isa) noexcept {
  return includes(isa, Isa::avx512_core_amx);
}

}  // namespace tessera
