// Declarations of the kernels in kernels.inc, each defined in the translation unit of its tier.
#pragma once

#include "kernels/brgemm/brgemm.hpp"

namespace tessera {

#define KERNEL(function, name, tier, a, b, mr, nr, k_group) void function(const BrgemmBlock& block);
#include "kernels/brgemm/kernels.inc"
#undef KERNEL

}  // namespace tessera
