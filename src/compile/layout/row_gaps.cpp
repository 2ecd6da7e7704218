#include "compile/layout/row_gaps.hpp"

#include <algorithm>

#include "core/memory.hpp"
#include "ops/convolution.hpp"
#include "tessera/shape.hpp"

namespace tessera {
namespace {

/// Pixels of fewer bytes would grow by more than an eighth.
constexpr std::int64_t least_pixel_bytes = 512;
/// Bytes after which the sets of an L1 cache come again: 64 lines, on every CPU with AVX2 so far.
constexpr std::int64_t l1_period = 64 * static_cast<std::int64_t>(cache_line);

bool is_linear(const Node& node) {
  return node.op == "FusedMatMul" || node.op == "MatMul" || node.op == "Gemm";
}
/// Whether the steps of this node take rows of the last axis at any distance, on both sides.
bool goes_by_rows(const Node& node) {
  return is_linear(node) || node.op == "FusedAttention" || node.op == "LayerNormalization" ||
         node.op == "RMSNormalization" || node.op == "QuantizeLinear" || node.op == "DequantizeLinear" ||
         node.op == "Cast";
}

/// What products read in place. Floats of 32 bits are quantized first, or make sums of rows (Strassen) and of pixels
/// (Winograd), and no gap was seen to help them.
bool is_multiplied(DataType type) {
  return type == DataType::u8 || type == DataType::bf16;
}

/// What the nodes of a graph do with the rows of one value.
struct RowUses {
  bool written_by_rows = false, only_read_by_rows = true;
  bool multiplied_rows = false;    ///< a product takes rows of the last axis as they lie
  bool multiplied_pixels = false;  ///< a convolution takes pixels as they lie
  bool quantized = false;          ///< when the plan runs, as a whole
};

class RowUsesOfValues {
 public:
  explicit RowUsesOfValues(const Graph& graph) : graph_(graph), uses_(graph.values.size()) {
    for (const Node& node : graph.nodes) {
      for (const ValueId id : node.outputs)
        if (id != no_value) at(id).written_by_rows = goes_by_rows(node);
      for (std::size_t i = 0; i < node.inputs.size(); ++i)
        if (node.inputs[i] != no_value) note(node, i);
    }
    for (const ValueId id : graph.outputs) at(id).only_read_by_rows = false;
  }

  [[nodiscard]] const RowUses& operator[](std::size_t id) const { return uses_[id]; }

 private:
  RowUses& at(ValueId id) { return uses_[static_cast<std::size_t>(id)]; }

  void note(const Node& node, std::size_t input) {
    RowUses& uses = at(node.inputs[input]);
    const bool product = is_linear(node) || is_convolution(node);
    const bool has_weights = product && graph_.value(node.inputs[1]).is_constant();
    const bool quantizes = has_weights && graph_.value(node.inputs[1]).quantization.has_value() &&
                           graph_.value(node.inputs[0]).type != DataType::u8;
    // The second operand of a product is packed, and the mask of an attention is read element by element.
    const bool by_rows = goes_by_rows(node) && (!is_linear(node) || (has_weights && input != 1)) &&
                         (node.op != "FusedAttention" || input < 3);
    uses.only_read_by_rows = uses.only_read_by_rows && by_rows && !quantizes;
    uses.quantized = uses.quantized || quantizes;
    if (node.op == "FusedAttention" && by_rows) uses.multiplied_rows = true;
    if (input != 0 || !has_weights) return;
    if (is_linear(node)) uses.multiplied_rows = true;
    if (is_convolution(node) && node.attribute_or<std::int64_t>("group", 1) == 1) uses.multiplied_pixels = true;
  }

  const Graph& graph_;
  std::vector<RowUses> uses_;
};

}  // namespace

std::int64_t gap_behind(std::int64_t row_bytes, Isa isa) noexcept {
  constexpr auto line = static_cast<std::int64_t>(cache_line);
  const std::int64_t period = has_tiles(isa) ? 2 * line : l1_period;
  return row_bytes > 0 && row_bytes % period == 0 ? line : 0;
}

RowGaps row_gaps(const Graph& graph, Isa isa) {
  RowGaps gaps{std::vector<std::int64_t>(graph.values.size()), std::vector<std::int64_t>(graph.values.size())};
  const RowUsesOfValues uses_of(graph);
  for (std::size_t id = 0; id < graph.values.size(); ++id) {
    const Value& value = graph.values[id];
    const RowUses& uses = uses_of[id];
    if (value.is_constant() || !is_multiplied(value.type) || uses.quantized) continue;
    const Shape shape = value.shape.to_shape();
    const auto size = static_cast<std::int64_t>(size_of(value.type));
    if (uses.multiplied_pixels && shape.rank() == 4 && shape[1] * size >= least_pixel_bytes)
      gaps.pixels[id] = gap_behind(shape[1] * size, isa);
    if (uses.multiplied_rows && uses.written_by_rows && uses.only_read_by_rows && shape.rank() >= 2)
      gaps.rows[id] = gap_behind(shape.back() * size, isa);
  }
  return gaps;
}

}  // namespace tessera
