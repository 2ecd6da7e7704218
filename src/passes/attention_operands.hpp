// Operands of the products inside attention that a file takes through u8.
#pragma once

#include <optional>
#include <utility>

#include "passes/rewrite.hpp"

namespace tessera::passes {

/// What stands before a QuantizeLinear/DequantizeLinear pair that ends in `value`, if the pair is u8 with one constant
/// scale and nobody else reads from it.
std::optional<std::pair<ValueId, Quantization>> integer_operand(const Rewriter& rewriter, ValueId value);

/// Whether attention can multiply both operands of a MatMul as integers, so that their pairs are not in the way but
/// say how: both come out of pairs, and probabilities have zero point 0.
bool multiplies_integers(const Rewriter& rewriter, const Node& product);

}  // namespace tessera::passes
