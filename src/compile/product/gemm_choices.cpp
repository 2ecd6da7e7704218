#include "compile/product/gemm_choices.hpp"

#include <cmath>

#include "compile/product/byte_costs.hpp"
#include "compile/product/byte_products.hpp"
#include "compile/product/lower_matched.hpp"
#include "kernels/brgemm/overflow.hpp"

namespace tessera {
namespace {

/// The kernel that multiplies the other form of the same operands to the same bits, or null.
const BrgemmKernel* other_form(const Builder& builder, const BrgemmKernel& kernel) {
  const auto find = [&](DataType a, DataType b) { return find_brgemm(a, b, builder.isa()); };
  if (kernel.a == DataType::s16) return find(DataType::u8, DataType::s8);
  if (kernel.a == DataType::u8 && !has_int8_dot(kernel.isa)) return find(DataType::s16, DataType::s16);
  const bool other_bits = has_bf16_dot(builder.isa());  // those of dot products
  if (kernel.a == DataType::f32 && kernel.b == DataType::bf16)
    return other_bits ? nullptr : find(DataType::bf16, DataType::bf16);
  if (kernel.a == DataType::bf16 && !has_bf16_dot(kernel.isa)) return find(DataType::f32, DataType::bf16);
  return nullptr;
}

/// What the sizes of the weights make bytes cost, in tenths, so that layers that are alike share a timing.
std::string detail_of(Builder& builder, const GemmWeights& weights, bool matched) {
  const BrgemmKernel& bytes = *find_brgemm(DataType::u8, DataType::s8, builder.isa());
  if (weights.value->constant.type() != DataType::s8 || !reads_overflows(bytes)) return {};
  // By the usual constants: those of this machine are a little different each time they are measured.
  const MachineConstants& machine = usual_constants(builder.isa());
  const auto tenths = [&](double cost) { return std::to_string(std::lround(10 * cost / machine.bytes)) + "/10"; };
  const std::string detail = "bytes cost " + tenths(cost_in_bytes(builder.weights(), machine, bytes, weights));
  return matched ? detail + ", matched " + tenths(cost_of_matched(builder.weights(), machine, weights)) : detail;
}

/// Picoseconds of a multiply-add of integers without dot products.
double cost_of(Builder& builder, const Operands& operands, const GemmWeights& weights) {
  const MachineConstants& machine = builder.machine();
  if (operands.matched) return cost_of_matched(builder.weights(), machine, weights);
  return operands.kernel->a == DataType::s16 ? machine.words
                                             : cost_in_bytes(builder.weights(), machine, *operands.kernel, weights);
}

/// Bytes in tiles, or by dot products where that is cheaper.
Operands choose_bytes(Builder& builder, const Node& node, const BrgemmKernel& chosen, const GemmSpec& spec,
                      const GemmWeights& weights) {
  const ProductSize size{spec.c.count * spec.c.height * spec.c.width, weights.groups * weights.columns,
                         total_k(weights)};
  const std::vector<const BrgemmKernel*> kernels = kernels_of_bytes(chosen, builder.isa(), size.rows);
  Choice choice{"operands", {}, 0, {}};
  double least = 0;
  for (const BrgemmKernel* const kernel : kernels) {
    const double cost = cost_of_product(builder.machine(), *kernel, size);
    if (choice.ways.empty() || cost < least) {
      choice.usual = choice.ways.size();
      least = cost;
    }
    choice.ways.emplace_back(kernel->name);
  }
  return {kernels[builder.choose(node, choice)]};
}

}  // namespace

Operands choose_operands(Builder& builder, const Node& node, const BrgemmKernel& chosen, const GemmSpec& spec,
                         const GemmWeights& weights) {
  if (chosen.a == DataType::u8 && has_tiles(chosen.isa)) return choose_bytes(builder, node, chosen, spec, weights);
  const BrgemmKernel& usual = bytes_where_faster(builder, chosen, weights);
  std::vector<Operands> ways = {{&usual}};
  Choice choice{"operands", {usual.name}, 0, {}};
  if (const BrgemmKernel* const other = other_form(builder, usual)) {
    ways.push_back({other});
    choice.ways.emplace_back(other->name);
  }
  const bool matched = can_be_matched(builder, chosen, spec, weights);
  if (matched) {
    ways.push_back({find_brgemm(DataType::u8, DataType::s8, builder.isa()), true});
    choice.ways.emplace_back(matched_name);
    if (cost_of(builder, ways.back(), weights) < cost_of(builder, ways.front(), weights))
      choice.usual = ways.size() - 1;
  }
  if (ways.size() == 1) return ways.front();
  if (builder.asks()) choice.detail = detail_of(builder, weights, matched);
  return ways[builder.choose(node, choice)];
}

std::optional<GridSplit> choose_division(Builder& builder, const Node& node, const Grid& grid) {
  const int members = builder.members();
  if (members == 1) return std::nullopt;
  const GridSplit usual = split_grid(grid, members);
  Choice choice{"threads", {}, 0, {}};
  std::vector<GridSplit> splits;
  for (int rows = 1; rows <= members; ++rows) {
    const GridSplit split{rows, members / rows};
    const bool fits = members % rows == 0 && rows <= grid.row_tiles && split.panel_parts <= grid.panels;
    if (rows == usual.row_parts) choice.usual = splits.size();
    if (!fits && rows != usual.row_parts) continue;
    choice.ways.push_back(std::to_string(rows) + " rows x " + std::to_string(split.panel_parts) + " columns");
    splits.push_back(split);
  }
  return splits[builder.choose(node, choice)];
}

}  // namespace tessera
