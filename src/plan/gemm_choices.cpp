#include "plan/gemm_choices.hpp"

#include <cmath>

#include "kernels/brgemm/overflow.hpp"
#include "plan/byte_products.hpp"

namespace tessera {
namespace {

/// The kernel that multiplies the other form of the same operands to the same bits, or null.
const BrgemmKernel* other_form(const Builder& builder, const BrgemmKernel& kernel) {
  const auto find = [&](DataType a, DataType b) { return find_brgemm(a, b, builder.isa()); };
  if (kernel.a == DataType::s16) return find(DataType::u8, DataType::s8);
  if (kernel.a == DataType::u8 && !has_int8_dot(kernel.isa)) return find(DataType::s16, DataType::s16);
  if (kernel.a == DataType::f32 && kernel.b == DataType::bf16) return find(DataType::bf16, DataType::bf16);
  if (kernel.a == DataType::bf16 && !has_bf16_dot(kernel.isa)) return find(DataType::f32, DataType::bf16);
  return nullptr;
}

/// How often bytes take the slow way decides what they cost; in tenths, so that layers that are alike share a timing.
std::string detail_of(const Builder& builder, const BrgemmKernel& a, const BrgemmKernel& b,
                      const GemmWeights& weights) {
  const BrgemmKernel& bytes = a.b == DataType::s8 ? a : b;
  if (!reads_overflows(bytes)) return {};
  // By the usual constants: those of this machine are a little different each time they are measured.
  const MachineConstants& machine = usual_constants(builder.isa());
  return "bytes cost " + std::to_string(std::lround(10 * cost_in_bytes(machine, bytes, weights) / machine.bytes)) +
         "/10";
}

}  // namespace

const BrgemmKernel& choose_operands(Builder& builder, const Node& node, const BrgemmKernel& chosen,
                                    const GemmWeights& weights) {
  const BrgemmKernel& usual = bytes_where_faster(builder, chosen, weights);
  const BrgemmKernel* const other = other_form(builder, usual);
  if (other == nullptr) return usual;
  Choice choice{"operands", {usual.name, other->name}, 0, {}};
  if (builder.asks()) choice.detail = detail_of(builder, usual, *other, weights);
  return builder.choose(node, choice) == 0 ? usual : *other;
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
