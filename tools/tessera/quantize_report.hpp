// What `tessera quantize` prints.
#pragma once

#include <string>

#include "tessera/quantization.hpp"

namespace tessera::tool {

/// Which words led to the result.
struct QuantizationSource {
  std::string model, calibration, validation, output, method;
  std::optional<double> max_drop;
};

void print_quantization(const QuantizationReport& report, const QuantizationSource& source);
std::string quantization_json(const QuantizationReport& report, const QuantizationSource& source);

}  // namespace tessera::tool
