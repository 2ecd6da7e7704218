#include "compile/lower/operands.hpp"

#include <utility>

namespace tessera {
namespace {

/// The numbers of a list such as the starts of a slice: constant, or known by now.
std::optional<Tensor> numbers_of(const Builder& builder, ValueId id) {
  const Value& value = builder.value(id);
  if (value.is_constant()) return value.constant;
  const auto numbers = integers_of(builder.graph(), id);
  if (!numbers) return std::nullopt;
  return Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(numbers->size())}, *numbers);
}

}  // namespace

std::optional<KnownInputs> known_inputs(const Builder& builder, const Node& node) {
  KnownInputs inputs{{}, {{builder.value(node.inputs[0]).type, builder.shape(node.inputs[0]), nullptr}}};
  inputs.held.reserve(node.inputs.size());  // views point into it
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    inputs.views.emplace_back();
    if (!node.has_input(i)) continue;
    auto numbers = numbers_of(builder, node.inputs[i]);
    if (!numbers) return std::nullopt;
    inputs.held.push_back(*std::move(numbers));
    Tensor& tensor = inputs.held.back();
    inputs.views.back() = {tensor.type(), tensor.shape(), const_cast<std::byte*>(tensor.data())};
  }
  return inputs;
}

Strides in_bytes(Strides strides, std::int64_t width) {
  for (std::int64_t& stride : strides) stride *= width;
  return strides;
}

Strides strides_of(const Image& image) {
  return {image.image_stride(), static_cast<std::int64_t>(size_of(image.type)), image.row_stride(),
          image.pixel_stride()};
}

Source source_of(Builder& builder, ValueId id) {
  if (builder.is_image(id)) {
    const Image image = builder.image_input(id);
    return {image.buffer, image.origin(), strides_of(image)};
  }
  const auto width = static_cast<std::int64_t>(size_of(builder.value(id).type));
  return {builder.plain_input(id), 0, in_bytes(dense_strides(builder.shape(id)), width)};
}

Source copied_source_of(Builder& builder, ValueId id) {
  if (!builder.value(id).is_constant()) return source_of(builder, id);
  const auto width = static_cast<std::int64_t>(size_of(builder.value(id).type));
  return {builder.table_input(id), 0, in_bytes(dense_strides(builder.shape(id)), width)};
}

bool plain_code_runs(const OpSchema& schema, const Value& value) {
  if (value.type == DataType::bf16) return schema.codes == Codes::passes && schema.kind != OpKind::pool;
  return !value.quantization || schema.codes != Codes::reals;
}

bool is_kernel_type(DataType type) {
  return type == DataType::f32 || type == DataType::bf16 || type == DataType::u8;
}

}  // namespace tessera
