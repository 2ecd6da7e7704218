// Ops that work row by row on dense matrices: LayerNormalization and Softmax over the last axis, quantization and
// conversion. Rows are shared among members.
#include <algorithm>
#include <string>

#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "run/steps/image_steps.hpp"
#include "run/steps/row_steps.hpp"

namespace tessera {
namespace {

DenseRows last_axis(const RowsPlace& place, DataType type, const Shape& shape) {
  const std::int64_t n = shape.rank() == 0 ? 1 : shape.back();
  return {place.buffer, type, n == 0 ? 0 : shape.elements() / n, n, place.gap};
}

StepInfo describe(const Builder& builder, const Node& node, const char* kernel, DataType from, DataType to) {
  return {node.name,
          node.op,
          kernel,
          std::string(name_of(builder.vector().isa)),
          std::string(name_of(from)) + "->" + std::string(name_of(to)),
          "",
          0,
          0};
}

const float* constant_floats(Builder& builder, ValueId id) {
  if (id == no_value) return nullptr;
  const Tensor& tensor = builder.value(id).constant;
  // Kernels read whole vectors, so the array needs the slack that only our own buffers have.
  auto copy = std::make_shared<AlignedBuffer>(tensor.bytes());
  std::copy_n(tensor.data(), tensor.bytes(), copy->data());
  return reinterpret_cast<const float*>(builder.keep(std::move(copy), false));
}

bool is_float_constant(const Builder& builder, ValueId id) {
  return id == no_value || (builder.value(id).is_constant() && builder.value(id).type == DataType::f32);
}

/// Dense values have no natural rows: cut them into rows of the last axes.
DenseRows flat(const RowsPlace& place, DataType type, const Shape& shape) {
  return last_axis(place, type, shape);
}

bool is_last_axis(const Node& node, const Shape& shape) {
  const auto axis = node.attribute_or<std::int64_t>("axis", -1);
  return axis == -1 || axis == static_cast<std::int64_t>(shape.rank()) - 1;
}

/// The single quantization a (de)quantize node states by its constant scale and zero point inputs, if it is per tensor.
std::optional<Dequantize> stated_quantization(const Builder& builder, const Node& node) {
  const Value& scale = builder.value(node.inputs[1]);
  if (!scale.is_constant() || scale.constant.shape().elements() != 1) return std::nullopt;
  Dequantize q{scale.constant.as<float>()[0], 0};
  if (node.has_input(2)) {
    const Value& zero = builder.value(node.inputs[2]);
    if (!zero.is_constant() || zero.type != DataType::u8) return std::nullopt;
    q.zero_point = zero.constant.as<std::uint8_t>()[0];
  }
  return q;
}

}  // namespace

bool lower_layer_norm(Builder& builder, const Node& node) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& y = builder.value(node.outputs[0]);
  const Shape shape = builder.shape(node.inputs[0]);
  const bool one_output = node.outputs.size() == 1;
  if (!one_output || (x.type != DataType::f32 && x.type != DataType::bf16) || !is_kernel_type(y.type) ||
      !is_last_axis(node, shape) || !is_float_constant(builder, node.input(1)) ||
      !is_float_constant(builder, node.input(2)))
    return false;
  LayerNormCall call;
  call.centred = node.op == "LayerNormalization";
  // The scale of LayerNormalization has the shape of what is normalized, that of RMSNormalization may be repeated.
  if (!call.centred && builder.shape(node.inputs[1]) != Shape{shape.back()}) return false;
  call.gamma = constant_floats(builder, node.inputs[1]);
  call.beta = constant_floats(builder, node.input(2));
  call.epsilon = node.attribute_or<float>("epsilon", 1e-5F);
  call.n = shape.back();
  call.y.quantization = requantization(y);
  const DenseRows in = last_axis(builder.rows_input(node.inputs[0]), x.type, shape);
  const DenseRows out = last_axis(builder.rows_output(node.outputs[0]), y.type, shape);
  auto step = std::make_unique<LayerNormStep>(builder.vector(), call, in, out);
  step->info = describe(builder, node, "layer_norm", x.type, y.type);
  builder.emit(std::move(step), {in.buffer}, {out.buffer});
  return true;
}

bool lower_convert(Builder& builder, const Node& node) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& y = builder.value(node.outputs[0]);
  if (!is_kernel_type(x.type) || !is_kernel_type(y.type)) return false;
  // Cast makes integers of numbers, and numbers of integers, not of the reals that these may stand for.
  if (node.op == "Cast" && (x.type == DataType::u8 || y.type == DataType::u8)) return false;
  Dequantize from = dequantization(x);
  Requantize to = requantization(y);
  std::optional<Dequantize> stated;
  if (node.op != "Cast") {
    stated = stated_quantization(builder, node);
    if (!stated) return false;
    if (node.op == "QuantizeLinear") to = {stated->scale, stated->zero_point};
    if (node.op == "DequantizeLinear") from = *stated;
  }
  const Shape shape = builder.shape(node.outputs[0]);
  // A border holds what its readers take for zero, which the file may define otherwise than the writer does.
  const std::uint8_t zero =
      y.quantization || y.type != DataType::u8 ? zero_byte(y) : static_cast<std::uint8_t>(to.zero_point);
  if (x.type == DataType::f32 && builder.wanted_as_image(node.outputs[0]) && !builder.is_image(node.inputs[0])) {
    // Layout and type change in one pass over the image.
    const BufferId source = builder.plain_input(node.inputs[0]);
    const Image image = builder.image_output(node.outputs[0]);
    const Requantize target = stated ? Requantize{stated->scale, stated->zero_point} : requantization(y);
    auto step = make_to_nhwc(builder.vector(), source, x.type, target, image, zero);
    step->info.node = y.name;
    builder.emit(std::move(step), {source}, {image.buffer});
    return true;
  }
  // What is an image stays one: its readers may be element-wise, and take it so.
  if (builder.is_image(node.inputs[0])) {
    const Image in = builder.image_input(node.inputs[0]), out = builder.image_output(node.outputs[0]);
    auto step = std::make_unique<ConvertImageStep>(builder.vector(), in, from, out, to, zero);
    step->info = describe(builder, node, "convert", x.type, y.type);
    builder.emit(std::move(step), {in.buffer}, {out.buffer});
    return true;
  }
  const DenseRows in = flat(builder.rows_input(node.inputs[0]), x.type, shape);
  const DenseRows out = flat(builder.rows_output(node.outputs[0]), y.type, shape);
  auto step = std::make_unique<ConvertStep>(builder.vector(), in, from, out, to);
  step->info = describe(builder, node, "convert", x.type, y.type);
  builder.emit(std::move(step), {in.buffer}, {out.buffer});
  return true;
}

bool lower_view(Builder& builder, const Node& node) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& y = builder.value(node.outputs[0]);
  if (x.type != y.type || x.is_constant()) return false;
  builder.alias_output(node.inputs[0], node.outputs[0]);
  return true;
}

}  // namespace tessera
