// Product: rows of an image or matrix times weights, on its way to a step.
#pragma once

#include "compile/product/gemm_choices.hpp"
#include "compile/product/gemm_weights.hpp"
#include "run/steps/gemm_spec.hpp"
#include "tessera/step_info.hpp"

namespace tessera {

struct Product {
  const Node& node;
  const GemmWeights& weights;
  Operands operands;  ///< the kernel, and what it multiplies
  GemmSpec spec;      ///< complete, but for the weights of an algorithm that packs its own
  StepInfo info;      ///< of the step that multiplies
};

}  // namespace tessera
