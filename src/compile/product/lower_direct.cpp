#include "compile/product/lower_direct.hpp"

#include <memory>

#include "run/steps/gemm_step.hpp"

namespace tessera {

bool lower_direct(Builder& builder, const Product& product) {
  const GemmSpec& spec = product.spec;
  auto step = std::make_unique<GemmStep>(*product.operands.kernel, builder.vector(), spec);
  step->divide_as(choose_division(builder, product.node, step->grid()));
  step->info = product.info;
  step->info.choices = builder.take_choices();
  builder.emit(std::move(step), {spec.a.buffer, spec.row_scale, spec.dequantize_a, spec.residual.buffer},
               {spec.c.buffer});
  return true;
}

}  // namespace tessera
