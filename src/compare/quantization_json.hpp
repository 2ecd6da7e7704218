// What quantization did and what it costs, as JSON: `tessera quantize --json`, and the report of the Python package.
#pragma once

#include <optional>
#include <string>

#include "tessera/quantization.hpp"

namespace tessera {

/// Which words led to the result.
struct QuantizationSource {
  std::string model, calibration, validation;
  std::string output;  ///< the file that was written; empty: none
  std::string method;
  std::optional<double> max_drop;
};

std::string quantization_json(const QuantizationReport& report, const QuantizationSource& source);

}  // namespace tessera
