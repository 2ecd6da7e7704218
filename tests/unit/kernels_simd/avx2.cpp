#define TIER avx2
#include "probe.inc"
