// How a case is written everywhere: on the command line, in reports and in packed models.
#pragma once

#include <string>

#include "tessera/isa.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// "int8@avx512_core_vnni"
std::string case_name(Precision precision, Isa isa);

}  // namespace tessera
