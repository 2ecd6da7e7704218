#define TIER avx512_core
#include "unit/kernels/simd/probe.inc"
