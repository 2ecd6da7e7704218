#include "compile/choose/machine.hpp"

namespace tessera {

const MachineConstants& usual_constants(Isa isa) noexcept {
  // words, dot; bytes, in pairs, widened, matched; input, output and weights of F(4x4); a byte of weights; products of
  // tiles of 16, 8 and 1 rows, configuration; bf16 by dot products and widened
  static constexpr MachineConstants avx2 = {9.1, 0, 6.3, 9.0, 17, 6.4, 37, 48, 22, 25};
  static constexpr MachineConstants avx2_vnni = {7.9, 4.0, 0, 0, 0, 0, 37, 48, 22, 25};
  static constexpr MachineConstants avx512_core = {4.6, 0, 0, 0, 0, 0, 32, 29, 19, 24};
  static constexpr MachineConstants avx512_core_vnni = {4.0, 2.0, 0, 0, 0, 0, 32, 29, 19, 22};
  static constexpr MachineConstants avx512_core_bf16 = {4.0, 2.0, 0, 0, 0, 0, 32, 29, 19, 22, 0, 0, 0, 0, 4.0, 8.0};
  // 16, 10, 9.7 and 215 cycles; a dot product every half cycle; 8.5 bytes a cycle.
  static constexpr MachineConstants with_tiles = {4.0, 3.3, 0, 0, 0, 0, 32, 29, 19, 49, 6700, 4200, 4000, 90000};
  if (has_tiles(isa)) return with_tiles;
  if (has_bf16_dot(isa)) return avx512_core_bf16;
  if (has_int8_dot(isa)) return has_avx512(isa) ? avx512_core_vnni : avx2_vnni;
  return has_avx512(isa) ? avx512_core : avx2;
}

bool bf16_dot_pays(const MachineConstants& machine) noexcept {
  constexpr double clearly = 0.8;
  return machine.bf16_widened >= clearly * machine.bf16_dot;
}

}  // namespace tessera
