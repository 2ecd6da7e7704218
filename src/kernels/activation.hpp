// The activations on one number, in plain code: what the references of the kernels compute. What is exact in the
// kernels is computed with the same operations in float, the rest in double and rounded once.
#pragma once

#include "kernels/types.hpp"

namespace tessera {

float activated(Activation activation, const ActivationParameters& parameters, float x);

}  // namespace tessera
