// MachineConstants: what the plan weighs against each other where the ways to compute a layer give the same bits, and
// so only their times matter. All are times on one core, whatever the number of threads.
#pragma once

#include "tessera/isa.hpp"

namespace tessera {

/// Picoseconds.
struct MachineConstants {
  // One multiply-add in a register tile. 0 where the tier has no such kernel.
  double words = 0;  ///< of 16-bit words
  double dot = 0;    ///< of bytes, by a dot-product instruction
  // Of bytes by vpmaddubsw (kernels/brgemm/overflow.hpp):
  double bytes = 0;           ///< where no sum of four products overflows 16 bits
  double bytes_in_pairs = 0;  ///< where a sum of four may, and no sum of two does
  double bytes_widened = 0;   ///< where a sum of two may
  double bytes_matched = 0;   ///< by lists of matched groups (kernels/matched), where every group has found another
  /// F(4x4, 3x3) in int8: one element of a transformed tile of one channel; one element of the products of a tile of
  /// one column, back to sums.
  double winograd_input = 0, winograd_output = 0;
  /// Likewise: one element of a transformed weight.
  double winograd_weight = 0;
  /// To read a byte of packed weights that no cache holds.
  double weight_byte = 0;
  // With tiles: a product of one tile of A, of so many rows, and one of B, 64 bytes of k; to configure tiles.
  double tile_product_16 = 0, tile_product_8 = 0, tile_product_1 = 0, tile_configuration = 0;
  // One multiply-add of bf16, by a dot-product instruction and widened to f32. 0 where the tier has no such
  // instruction, or tiles.
  double bf16_dot = 0, bf16_widened = 0;
  bool disturbed = false;  ///< by others on the core, all the while that tiles were measured
};

/// The constants by name, for reports and files.
struct NamedConstant {
  const char* name;
  double MachineConstants::*value;
  const char* meaning;
};
inline constexpr NamedConstant named_constants[] = {
    {"words", &MachineConstants::words, "a multiply-add of 16-bit words"},
    {"dot", &MachineConstants::dot, "a multiply-add of bytes, by dot products"},
    {"bytes", &MachineConstants::bytes, "a multiply-add of bytes by vpmaddubsw where nothing overflows"},
    {"bytes_in_pairs", &MachineConstants::bytes_in_pairs, "the same where sums of four could"},
    {"bytes_widened", &MachineConstants::bytes_widened, "the same where sums of two could"},
    {"bytes_matched", &MachineConstants::bytes_matched, "the same by lists of matched groups"},
    {"winograd_input", &MachineConstants::winograd_input, "an element of a transformed tile"},
    {"winograd_output", &MachineConstants::winograd_output, "an element of products, back to sums"},
    {"winograd_weight", &MachineConstants::winograd_weight, "an element of a transformed weight"},
    {"weight_byte", &MachineConstants::weight_byte, "a byte of weights from memory"},
    {"tile_product_16", &MachineConstants::tile_product_16, "a product of tiles of 16 rows"},
    {"tile_product_8", &MachineConstants::tile_product_8, "the same with 8 rows"},
    {"tile_product_1", &MachineConstants::tile_product_1, "the same with one row"},
    {"tile_configuration", &MachineConstants::tile_configuration, "to configure tiles and to release them"},
    {"bf16_dot", &MachineConstants::bf16_dot, "a multiply-add of bf16, by dot products"},
    {"bf16_widened", &MachineConstants::bf16_widened, "the same widened to f32"},
};

/// Those of a Zen 5 at 4 GHz, which `tessera doctor --measure` printed: what plans go by unless they were told better.
/// With tiles, dot products, tiles and reading weights are those of an Emerald Rapids at 2.4 GHz.
const MachineConstants& usual_constants(Isa isa) noexcept;

/// Those of this machine, with the kernels of this tier; takes some 40 ms of the calling thread.
MachineConstants measure_constants(Isa isa);

/// bf16_dot and bf16_widened of this machine, measured by the first call and the same ever after; others are 0.
const MachineConstants& bf16_constants_here();
/// Whether bf16 goes through dot products where there are some: unless widening is clearly faster, since bits depend on
/// it and should not change from one measurement to the next.
bool bf16_dot_pays(const MachineConstants& machine) noexcept;

}  // namespace tessera
