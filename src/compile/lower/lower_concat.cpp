// Concat: elements are copied, whatever they stand for, so all parts and the result have one type. Images are joined
// pixel by pixel along their channels; anything else is joined dense.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "compile/lower/lower.hpp"
#include "run/steps/concat_steps.hpp"

namespace tessera {
namespace {

bool parts_fit(const Builder& builder, const Node& node) {
  const Value& y = builder.value(node.outputs[0]);
  if (y.type != DataType::f32 && y.type != DataType::bf16 && y.type != DataType::u8) return false;
  return std::ranges::all_of(node.inputs, [&](ValueId id) { return builder.value(id).type == y.type; });
}

StepInfo describe(const Node& node, DataType type) {
  const std::string name(name_of(type));
  return {node.name, node.op, "concat", "-", name + "->" + name, "", 0, 0};
}

}  // namespace

bool lower_concat(Builder& builder, const Node& node) {
  if (!parts_fit(builder, node)) return false;
  const ValueId y = node.outputs[0];
  const Shape shape = builder.shape(y);
  const auto rank = static_cast<std::int64_t>(shape.rank());
  std::int64_t axis = node.attribute_or<std::int64_t>("axis", 0);
  if (axis < 0) axis += rank;
  const bool pixels = std::ranges::any_of(node.inputs, [&](ValueId id) { return builder.is_image(id); });
  std::vector<BufferId> reads;
  reads.reserve(node.inputs.size());
  std::unique_ptr<Step> step;
  BufferId target = no_buffer;
  if (rank == 4 && axis == 1 && (builder.wanted_as_image(y) || pixels)) {
    std::vector<Image> parts;
    parts.reserve(node.inputs.size());
    for (const ValueId id : node.inputs) parts.push_back(builder.image_input(id));
    for (const Image& part : parts) reads.push_back(part.buffer);
    const Image image = builder.image_output(y);
    target = image.buffer;
    step = std::make_unique<ConcatImages>(std::move(parts), image, zero_byte(builder.value(y)));
  } else {
    const auto joined = static_cast<std::size_t>(axis);
    std::vector<ConcatRuns::Part> parts;
    parts.reserve(node.inputs.size());
    for (const ValueId id : node.inputs) {
      const Shape part = builder.shape(id);
      reads.push_back(builder.plain_input(id));
      parts.push_back({reads.back(),
                       static_cast<std::size_t>(part.product(joined, part.rank())) * size_of(builder.value(id).type)});
    }
    target = builder.plain_output(y);
    step = std::make_unique<ConcatRuns>(std::move(parts), target, shape.product(0, joined));
  }
  step->info = describe(node, builder.value(y).type);
  builder.emit(std::move(step), std::move(reads), {target});
  return true;
}

}  // namespace tessera
