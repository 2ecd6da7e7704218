#include "unit/support/test_data.hpp"

namespace tessera {

// TESSERA_TEST_DATA is defined for this file only: the objects of all other tests are the same in every checkout, so
// that a compiler cache serves them.
std::string test_data(const std::string& name) {
  return std::string(TESSERA_TEST_DATA) + "/" + name;
}

}  // namespace tessera
