// How often a test repeats what it does: under a sanitizer a tenth of the times, which take as long.
#pragma once

namespace tessera::test {

constexpr int rounds(int number) {
#ifdef TESSERA_SANITIZED
  return number / 10;
#else
  return number;
#endif
}

}  // namespace tessera::test
