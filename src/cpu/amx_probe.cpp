#include "cpu/amx_probe.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "cpu/guarded_call.hpp"

namespace tessera {
namespace {

// Newer than the kernel headers of some distributions that we build on.
constexpr long arch_req_xcomp_perm = 0x1023;
constexpr long xfeature_xtiledata = 18;

/// The memory operand of ldtilecfg.
struct alignas(64) TileConfig {
  std::uint8_t palette = 0;
  std::uint8_t start_row = 0;
  std::array<std::uint8_t, 14> reserved_1{};
  std::array<std::uint16_t, 8> bytes_per_row{};
  std::array<std::uint16_t, 8> reserved_2{};
  std::array<std::uint8_t, 8> rows{};
  std::array<std::uint8_t, 8> reserved_3{};
};
static_assert(sizeof(TileConfig) == 64);

constexpr TileConfig whole_tiles = [] {
  TileConfig config;
  config.palette = 1;
  config.bytes_per_row.fill(64);
  config.rows.fill(16);
  return config;
}();

/// In assembler, so that this file needs no compiler flag above the tier that everything else is built for.
void touch_tiles() noexcept {
  asm volatile(
      "ldtilecfg %0\n\t"
      "tilezero %%tmm0\n\t"
      "tilerelease"
      :
      : "m"(whole_tiles)
      : "memory");
}

}  // namespace

void probe_amx(CpuFeatures& features) {
  const bool cpu_has_amx = features.amx_tile && features.amx_int8 && features.amx_bf16;
  if (!cpu_has_amx || !features.os_tiles || !features.amx_palette) return;
  features.amx_permission = syscall(SYS_arch_prctl, arch_req_xcomp_perm, xfeature_xtiledata) == 0;
  if (!features.amx_permission) {
    features.amx_permission_error = std::system_category().message(errno);
    return;
  }
  features.amx_trial = runs_without_fault(touch_tiles);
}

}  // namespace tessera
