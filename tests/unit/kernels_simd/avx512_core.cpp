#define TIER avx512_core
#include "probe.inc"
