// The step that turns a float matrix into integers row by row, for linear layers whose input nobody calibrated.
#pragma once

#include <memory>

#include "kernels/vector_kernels.hpp"
#include "run/quantized.hpp"

namespace tessera {

/// `source` holds `rows` dense rows of `columns` elements of `type`. The caller names the node.
std::unique_ptr<Step> make_quantize_rows(const VectorKernels& kernels, DataType type, BufferId source,
                                         const QuantizedRows& target, std::int64_t rows, std::int64_t columns);

}  // namespace tessera
