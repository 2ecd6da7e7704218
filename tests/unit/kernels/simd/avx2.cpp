#define TIER avx2
#include "unit/kernels/simd/probe.inc"
