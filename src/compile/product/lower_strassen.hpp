// Where a product of matrices is computed by Strassen's algorithm (decision 32).
#pragma once

#include "compile/layout/builder.hpp"
#include "compile/product/product.hpp"

namespace tessera {

/// A ProductAlgorithm: emits the steps if the operands allow Strassen's algorithm and that is chosen; else does nothing
/// and returns false.
bool lower_strassen(Builder& builder, const Product& product);

}  // namespace tessera
