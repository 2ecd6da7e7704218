#include "passes/packed_heads.hpp"

#include <algorithm>
#include <vector>

#include "passes/match.hpp"

namespace tessera::passes {
namespace {

constexpr std::size_t packed_axis = 2;  // of [B, S, 3, H, D]

/// One of the slices of a value along an axis.
struct Part {
  ValueId source = no_value;
  std::size_t axis = 0;
  std::int64_t index = 0;
};

std::optional<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  if (axis < 0) axis += static_cast<std::int64_t>(rank);
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return std::nullopt;
  return static_cast<std::size_t>(axis);
}

/// The single number that an input holds.
std::optional<std::int64_t> number(const Graph& graph, ValueId id) {
  if (id == no_value) return std::nullopt;
  const auto values = integers(graph, id);
  return values && values->size() == 1 ? std::optional(values->front()) : std::nullopt;
}

class PackedPattern {
 public:
  explicit PackedPattern(const Rewriter& rewriter) : rewriter_(rewriter), graph_(rewriter.graph()) {}

  std::optional<PackedHeads> match(ValueId value) const {
    const auto part = part_of(value);
    if (!part) return std::nullopt;
    // Axes of [B, S, 3, H, D] as the part's source has them.
    std::vector<std::int64_t> axes{0, 1, 2, 3, 4};
    ValueId apart = part->source;
    if (const Node* transpose = rewriter_.producer(apart, "Transpose")) {
      axes = permutation(graph_, *transpose);
      apart = transpose->inputs[0];
    }
    const Node* reshape = rewriter_.producer(apart, "Reshape");
    if (reshape == nullptr || axes.size() != 5 || axes[part->axis] != static_cast<std::int64_t>(packed_axis))
      return std::nullopt;
    PackedHeads heads{reshape->inputs[0], part->index, {}, {}};
    if (!splits_thirds(graph_.value(heads.source).shape, graph_.value(apart).shape)) return std::nullopt;
    const std::vector<Dim>& dims = graph_.value(apart).shape.dims;
    heads.split = SymbolicShape{dims[0], dims[1], dims[3], dims[4]};
    axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(part->axis));
    for (std::size_t i = 0; i < axes.size(); ++i) heads.order[i] = axes[i] > 2 ? axes[i] - 1 : axes[i];
    return heads;
  }

 private:
  static bool splits_thirds(const SymbolicShape& flat, const SymbolicShape& apart) {
    return flat.ranked && apart.ranked && flat.rank() == 3 && apart.rank() == 5 && flat.dims[0] == apart.dims[0] &&
           flat.dims[1] == apart.dims[1] && apart.dims[2] == Dim(3) && apart.dims[3].known() && apart.dims[4].known();
  }

  std::optional<Part> part_of(ValueId value) const {
    const SymbolicShape& shape = graph_.value(value).shape;
    if (!shape.ranked || shape.rank() != 4) return std::nullopt;
    if (const Node* gather = rewriter_.producer(value, "Gather")) return gathered(*gather);
    const Node* squeeze = rewriter_.producer(value, "Reshape");
    if (squeeze == nullptr) squeeze = rewriter_.producer(value, "Squeeze");
    if (squeeze == nullptr) return std::nullopt;
    const ValueId cut = squeeze->inputs[0];
    const int producer = rewriter_.uses().producer(cut);
    if (producer < 0) return std::nullopt;
    const Node& cutter = rewriter_.node(static_cast<std::size_t>(producer));
    const auto part = cutter.op == "Slice"   ? sliced(cutter)
                      : cutter.op == "Split" ? split_off(cutter, cut)
                                             : std::nullopt;
    return part && drops_axis(graph_.value(cut).shape, shape, part->axis) ? part : std::nullopt;
  }

  /// `to` is `from` without an axis of one element.
  static bool drops_axis(const SymbolicShape& from, const SymbolicShape& to, std::size_t axis) {
    if (!from.ranked || from.rank() != 5 || !(from.dims[axis] == Dim(1))) return false;
    std::vector<Dim> dims = from.dims;
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
    return std::ranges::equal(dims, to.dims);
  }

  std::optional<Part> gathered(const Node& gather) const {
    const auto index = number(graph_, gather.inputs[1]);
    const SymbolicShape& shape = graph_.value(gather.inputs[0]).shape;
    if (!index || graph_.value(gather.inputs[1]).shape.rank() != 0 || !shape.ranked) return std::nullopt;
    const auto axis = axis_of(gather.attribute_or("axis", std::int64_t{0}), shape.rank());
    return axis ? std::optional(Part{gather.inputs[0], *axis, *index < 0 ? *index + 3 : *index}) : std::nullopt;
  }

  std::optional<Part> sliced(const Node& slice) const {
    const auto begin = number(graph_, slice.input(1)), end = number(graph_, slice.input(2)),
               axis = number(graph_, slice.input(3));
    const SymbolicShape& shape = graph_.value(slice.inputs[0]).shape;
    const bool forward = !slice.has_input(4) || number(graph_, slice.input(4)) == 1;
    if (!begin || !end || !axis || !shape.ranked || !forward || *begin < 0) return std::nullopt;
    const auto place = axis_of(*axis, shape.rank());
    return place ? std::optional(Part{slice.inputs[0], *place, *begin}) : std::nullopt;
  }

  std::optional<Part> split_off(const Node& split, ValueId part) const {
    const SymbolicShape& shape = graph_.value(split.inputs[0]).shape;
    if (!shape.ranked || split.outputs.size() != 3) return std::nullopt;
    const auto axis = axis_of(split.attribute_or("axis", std::int64_t{0}), shape.rank());
    const auto index = std::ranges::find(split.outputs, part) - split.outputs.begin();
    return axis ? std::optional(Part{split.inputs[0], *axis, index}) : std::nullopt;
  }

  const Rewriter& rewriter_;
  const Graph& graph_;
};

}  // namespace

std::optional<PackedHeads> packed_heads(const Rewriter& rewriter, ValueId value) {
  return PackedPattern(rewriter).match(value);
}

}  // namespace tessera::passes
