// Reads CPUID and XCR0 into CpuFeatures. The bit numbers are those of the Intel SDM, volume 2, "CPUID".
#include <cpuid.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <sstream>

#include "cpu/amx_probe.hpp"
#include "cpu/features.hpp"

namespace tessera {
namespace {

struct Registers {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

/// All zero where the CPU has no such leaf (CPUID itself would answer with another leaf's data).
Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) noexcept {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

constexpr bool bit(std::uint64_t value, unsigned index) noexcept {
  return ((value >> index) & 1) != 0;
}

/// Which register states the operating system saves. Only where CPUID says OSXSAVE; xgetbv is an invalid opcode
/// otherwise.
std::uint64_t read_xcr0() noexcept {
  std::uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

void read_operating_system(CpuFeatures& features, const Registers& leaf1) noexcept {
  if (!bit(leaf1.ecx, 27)) return;  // OSXSAVE
  const std::uint64_t xcr0 = read_xcr0();
  features.os_ymm = bit(xcr0, 1) && bit(xcr0, 2);
  features.os_zmm = features.os_ymm && bit(xcr0, 5) && bit(xcr0, 6) && bit(xcr0, 7);
  features.os_tiles = bit(xcr0, 17) && bit(xcr0, 18);
}

void read_cpu_bits(CpuFeatures& features, const Registers& leaf1) noexcept {
  const Registers leaf7 = cpuid(7, 0);
  const Registers leaf7_1 = leaf7.eax >= 1 ? cpuid(7, 1) : Registers{};
  features.fma = bit(leaf1.ecx, 12);
  features.f16c = bit(leaf1.ecx, 29);
  features.avx2 = bit(leaf7.ebx, 5);
  features.bmi2 = bit(leaf7.ebx, 8);
  features.avx512f = bit(leaf7.ebx, 16);
  features.avx512dq = bit(leaf7.ebx, 17);
  features.avx512bw = bit(leaf7.ebx, 30);
  features.avx512vl = bit(leaf7.ebx, 31);
  features.avx512_vnni = bit(leaf7.ecx, 11);
  features.amx_bf16 = bit(leaf7.edx, 22);
  features.amx_tile = bit(leaf7.edx, 24);
  features.amx_int8 = bit(leaf7.edx, 25);
  features.avx_vnni = bit(leaf7_1.eax, 4);
  features.avx512_bf16 = bit(leaf7_1.eax, 5);
}

/// Some hypervisors pass the AMX bits of leaf 7 through and leave leaf 1DH empty: every tile configuration then faults.
bool palette_1_is_whole() noexcept {
  if (cpuid(0x1d, 0).eax < 1) return false;  // the highest palette
  const Registers palette = cpuid(0x1d, 1);
  const std::uint32_t bytes_per_tile = palette.eax >> 16, bytes_per_row = palette.ebx & 0xffff;
  const std::uint32_t tiles = palette.ebx >> 16, rows = palette.ecx & 0xffff;
  return tiles >= 8 && rows >= 16 && bytes_per_row >= 64 && bytes_per_tile >= 1024;
}

/// CPUs pad the name with spaces, at either end or in the middle.
std::string read_brand() {
  constexpr std::uint32_t first_leaf = 0x80000002;
  std::array<Registers, 3> leaves;
  for (std::uint32_t i = 0; i < leaves.size(); ++i) leaves[i] = cpuid(first_leaf + i);
  std::array<char, sizeof leaves> text;
  std::memcpy(text.data(), leaves.data(), text.size());
  std::istringstream words(std::string(text.data(), strnlen(text.data(), text.size())));
  std::string brand;
  for (std::string word; words >> word;) brand += (brand.empty() ? "" : " ") + word;
  return brand.empty() ? "unnamed x86-64 CPU" : brand;
}

CpuFeatures detect() {
  CpuFeatures features;
  const Registers leaf1 = cpuid(1);
  features.brand = read_brand();
  read_cpu_bits(features, leaf1);
  read_operating_system(features, leaf1);
  features.amx_palette = features.amx_tile && palette_1_is_whole();
  probe_amx(features);
  return features;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace tessera
