#include "compile/product/lower_strassen.hpp"

#include <memory>
#include <optional>

#include "compile/product/gemm_choices.hpp"
#include "run/steps/strassen_step.hpp"

namespace tessera {
namespace {

/// Columns of a half: long enough that additions weigh little, short enough that a quarter of B in a panel stays in L1
/// or near it.
constexpr std::int64_t most_half = 384;
/// What the additions go by.
constexpr std::int64_t grain = 32;

/// The fewest slices; none if k cannot be cut like that.
std::optional<StrassenSlices> slices_of(std::int64_t k) {
  for (std::int64_t slices = 1; k / slices >= 2 * grain; ++slices)
    if (k % (2 * grain * slices) == 0 && k / (2 * slices) <= most_half) return StrassenSlices{k / (2 * slices), slices};
  return std::nullopt;
}

const StrassenSums* sums_for(const Builder& builder, const BrgemmKernel& kernel, const Image& a) {
  const VectorKernels& vector = builder.vector();
  for (const StrassenSums* sums : {&vector.strassen_f32, &vector.strassen_words})
    if (kernel.a == sums->operand && kernel.b == sums->operand && a.type == sums->pixel) return sums;
  return nullptr;
}

bool fits(const GemmSpec& gemm) {
  // Whole panels in each half on every tier: what is chosen must not depend on it.
  constexpr std::int64_t columns = 64;
  // Single rows have nothing to be paired with.
  return gemm.c.height * gemm.c.width > 1 && gemm.groups == 1 && gemm.segments.size() == 1 &&
         gemm.columns % columns == 0 && gemm.row_scale == no_buffer && gemm.dequantize_a == no_buffer &&
         gemm.row_sum_factors == nullptr;
}

/// Whether the eighth that is saved outweighs the additions, as far as is known without a measurement (decision 32). Of
/// f32 this must depend on the shapes of an item alone: results do.
bool pays(const GemmSpec& gemm, DataType operand) {
  constexpr std::int64_t least_rows = 96, least_k = 256, least_columns = 128, least_f32_weights = 256 * 1024;
  const std::int64_t k = gemm.segments.front().k;
  if (gemm.c.height * gemm.c.width < least_rows || k < least_k || gemm.columns < least_columns) return false;
  return operand != DataType::f32 || (gemm.columns >= 2 * least_columns && k * gemm.columns >= least_f32_weights);
}

}  // namespace

bool lower_strassen(Builder& builder, const Product& product) {
  const Node& node = product.node;
  const BrgemmKernel& kernel = *product.operands.kernel;
  const GemmSpec& gemm = product.spec;
  const StepInfo& info = product.info;
  const StrassenSums* const sums = sums_for(builder, kernel, gemm.a);
  if (sums == nullptr || !fits(gemm)) return false;
  const std::optional<StrassenSlices> slices = slices_of(gemm.segments.front().k);
  if (!slices) return false;
  const Choice choice{"algorithm", {"direct", "strassen"}, pays(gemm, sums->operand) ? 1U : 0U, {}};
  if (builder.choose(node, choice) == 0) return false;

  StrassenSpec spec{gemm, *slices, no_buffer};
  spec.operands = builder.buffer_within(strassen_operand_bytes(*sums, spec));
  auto rows = std::make_unique<StrassenRowsStep>(*sums, spec);
  rows->info = {
      node.name, "StrassenRows", "strassen_rows", std::string(name_of(builder.vector().isa)), info.precision, "", 0, 0};
  builder.emit(std::move(rows), {gemm.a.buffer}, {spec.operands});
  auto step = std::make_unique<StrassenStep>(kernel, *sums, spec);
  step->info = info;
  step->info.kernel += " strassen";
  step->divide_as(choose_division(builder, node, step->grid()));
  step->info.choices = builder.take_choices();
  builder.emit(std::move(step), {spec.operands, gemm.residual.buffer}, {gemm.c.buffer});
  return true;
}

}  // namespace tessera
