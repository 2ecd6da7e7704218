#include "compile/choose/machine.hpp"

namespace tessera {

const MachineConstants& usual_constants(Isa isa) noexcept {
  // words, dot; bytes, in pairs, widened, matched; input, output and weights of F(4x4); a byte of weights
  static constexpr MachineConstants avx2 = {9.1, 0, 6.3, 9.0, 17, 6.4, 37, 48, 22, 25};
  static constexpr MachineConstants avx2_vnni = {7.9, 4.0, 0, 0, 0, 0, 37, 48, 22, 25};
  static constexpr MachineConstants avx512_core = {4.6, 0, 0, 0, 0, 0, 32, 29, 19, 24};
  static constexpr MachineConstants avx512_core_vnni = {4.0, 2.0, 0, 0, 0, 0, 32, 29, 19, 22};
  static constexpr MachineConstants with_tiles = {4.0, 0, 0, 0, 0, 0, 32, 29, 19, 22};
  if (has_tiles(isa)) return with_tiles;
  if (has_int8_dot(isa)) return has_avx512(isa) ? avx512_core_vnni : avx2_vnni;
  return has_avx512(isa) ? avx512_core : avx2;
}

}  // namespace tessera
