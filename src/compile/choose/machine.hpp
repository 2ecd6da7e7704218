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
};

/// Those of a Zen 5 at 4 GHz, which `tessera doctor --measure` printed: what plans go by unless they were told better.
const MachineConstants& usual_constants(Isa isa) noexcept;

/// Those of this machine, with the kernels of this tier; takes some 40 ms of the calling thread.
MachineConstants measure_constants(Isa isa);

}  // namespace tessera
