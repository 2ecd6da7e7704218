#include "cpu/case_name.hpp"

namespace tessera {

std::string case_name(Precision precision, Isa isa) {
  return std::string(name_of(precision)) + "@" + std::string(name_of(isa));
}

}  // namespace tessera
