// A product by its definition.
#pragma once

#include "compile/layout/builder.hpp"
#include "compile/product/product.hpp"

namespace tessera {

/// Emits a GemmStep; returns true.
bool lower_direct(Builder& builder, const Product& product);

}  // namespace tessera
