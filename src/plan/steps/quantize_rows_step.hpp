// The step that turns a float matrix into integers row by row, for linear layers whose input nobody calibrated.
#pragma once

#include <memory>

#include "plan/builder.hpp"

namespace tessera {

/// `source` holds the dense value `x`, `rows` rows of `columns`.
std::unique_ptr<Step> make_quantize_rows(const Builder& builder, const Value& x, BufferId source,
                                         const QuantizedRows& target, std::int64_t rows, std::int64_t columns);

}  // namespace tessera
