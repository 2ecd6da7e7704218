// What `tessera quantize` prints.
#pragma once

#include "compare/quantization_json.hpp"

namespace tessera::tool {

void print_quantization(const QuantizationReport& report, const QuantizationSource& source);

}  // namespace tessera::tool
