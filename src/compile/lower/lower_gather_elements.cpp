// GatherElements along the last axis: every row of the result takes elements of a row of the data. Members share rows.
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "ops/helpers.hpp"

namespace tessera {
namespace {

class GatherElementsStep final : public Step {
 public:
  struct Operand {
    BufferId buffer = no_buffer;
    DataType type = DataType::f32;
    Shape shape;
  };
  GatherElementsStep(const Node& node, Operand data, Operand indices, BufferId y)
      : node_(node), data_(std::move(data)), indices_(std::move(indices)), y_(y) {}

  void run(const RunContext& context) const noexcept override {
    try {
      with_element_width(data_.type, [&]<typename T>(T) { gather<T>(context); });
    } catch (...) {
      // An index out of range: the session throws it after the inference.
      if (context.failure != nullptr && *context.failure == nullptr) *context.failure = std::current_exception();
    }
  }

 private:
  template <typename T>
  void gather(const RunContext& context) const {
    const std::int64_t count = indices_.shape.back(), extent = data_.shape.back();
    const TensorView indices{indices_.type, indices_.shape, context.at(indices_.buffer)};
    const auto* const data = reinterpret_cast<const T*>(context.at(data_.buffer));
    auto* const y = reinterpret_cast<T*>(context.at(y_));
    const Range rows = share(indices_.shape.elements() / count, context.member, context.members);
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      const T* const from = data + row * extent;
      for (std::int64_t i = row * count; i < (row + 1) * count; ++i) y[i] = from[place(integer_at(indices, i), extent)];
    }
  }

  [[nodiscard]] std::int64_t place(std::int64_t index, std::int64_t extent) const {
    if (index < -extent || index >= extent)
      node_error(
          node_,
          "index " + std::to_string(index) + " is outside the " + std::to_string(extent) + " entries of the last axis",
          "check the values of the model's inputs");
    return index < 0 ? index + extent : index;
  }

  Node node_;
  Operand data_, indices_;
  BufferId y_;
};

/// The same but for the last axis.
bool same_rows(const Shape& data, const Shape& indices) {
  for (std::size_t axis = 0; axis + 1 < data.rank(); ++axis)
    if (data[axis] != indices[axis]) return false;
  return true;
}

}  // namespace

bool lower_gather_elements(Builder& builder, const Node& node) {
  const Value& data = builder.value(node.inputs[0]);
  const Value& indices = builder.value(node.inputs[1]);
  const Shape from = builder.shape(node.inputs[0]), wanted = builder.shape(node.inputs[1]);
  if (from.rank() == 0 || wanted.elements() == 0 || from.elements() == 0 || !same_rows(from, wanted)) return false;
  if (normalised_axis(node, node.attribute_or<std::int64_t>("axis", 0), from.rank()) + 1 != from.rank()) return false;
  const BufferId x = builder.plain_input(node.inputs[0]), places = builder.plain_input(node.inputs[1]);
  const BufferId y = builder.plain_output(node.outputs[0]);
  using Operand = GatherElementsStep::Operand;
  auto step =
      std::make_unique<GatherElementsStep>(node, Operand{x, data.type, from}, Operand{places, indices.type, wanted}, y);
  const std::string type(name_of(data.type));
  step->info = {node.name, node.op, "gather", "-", type + "->" + type, "", 0, 0};
  builder.emit(std::move(step), {x, places}, {y});
  return true;
}

}  // namespace tessera
