// Ops that work row by row on dense matrices: LayerNormalization and Softmax over the last axis, element-wise
// arithmetic without broadcasting, quantization and conversion. Rows are shared among members.
#include <algorithm>
#include <string>

#include "plan/lower.hpp"
#include "plan/steps/image_steps.hpp"

namespace tessera {
namespace {

bool is_kernel_type(DataType type) {
  return type == DataType::f32 || type == DataType::bf16 || type == DataType::u8;
}

/// A dense value seen as rows x n.
struct Matrix {
  BufferId buffer = no_buffer;
  DataType type = DataType::f32;
  std::int64_t rows = 0, n = 0;

  [[nodiscard]] std::int64_t stride() const noexcept { return n * static_cast<std::int64_t>(size_of(type)); }
};

Matrix last_axis(BufferId buffer, DataType type, const Shape& shape) {
  const std::int64_t n = shape.rank() == 0 ? 1 : shape.back();
  return {buffer, type, n == 0 ? 0 : shape.elements() / n, n};
}

RowsIn rows_in(const RunContext& context, const Matrix& m, std::int64_t first, const Dequantize& quantization) {
  return {context.at(m.buffer) + first * m.stride(), m.stride(), m.type, quantization};
}
RowsOut rows_out(const RunContext& context, const Matrix& m, std::int64_t first, const Requantize& quantization) {
  return {context.at(m.buffer) + first * m.stride(), m.stride(), m.type, quantization};
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

class LayerNormStep final : public Step {
 public:
  LayerNormStep(const VectorKernels& kernels, const LayerNormCall& call, const Matrix& x, const Matrix& y)
      : kernel_(kernels.layer_norm), call_(call), x_(x), y_(y) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(x_.rows, context.member, context.members);
    LayerNormCall call = call_;
    call.x = rows_in(context, x_, range.first, call_.x.quantization);
    call.y = rows_out(context, y_, range.first, call_.y.quantization);
    call.rows = range.last - range.first;
    if (call.rows > 0) kernel_(call);
  }

 private:
  void (*kernel_)(const LayerNormCall&);
  LayerNormCall call_;
  Matrix x_, y_;
};

class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(const VectorKernels& kernels, const Matrix& x, const Matrix& y)
      : kernel_(kernels.softmax), x_(x), y_(y) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(x_.rows, context.member, context.members);
    SoftmaxCall call;
    call.x = rows_in(context, x_, range.first, {});
    call.y = rows_out(context, y_, range.first, {});
    call.rows = range.last - range.first;
    call.n = x_.n;
    if (call.rows > 0) kernel_(call);
  }

 private:
  void (*kernel_)(const SoftmaxCall&);
  Matrix x_, y_;
};

/// Element-wise over equally shaped values, in rows of at most a page so that members get even shares.
class ElementwiseStep final : public Step {
 public:
  ElementwiseStep(const VectorKernels& kernels, const ElementwiseCall& call, const Matrix& a, const Matrix& b,
                  const Matrix& y)
      : kernel_(kernels.elementwise), call_(call), a_(a), b_(b), y_(y) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(a_.rows, context.member, context.members);
    ElementwiseCall call = call_;
    call.a = rows_in(context, a_, range.first, call_.a.quantization);
    if (b_.buffer != no_buffer) call.b = rows_in(context, b_, range.first, call_.b.quantization);
    call.y = rows_out(context, y_, range.first, call_.y.quantization);
    call.rows = range.last - range.first;
    call.n = a_.n;
    if (call.rows > 0) kernel_(call);
  }

 private:
  void (*kernel_)(const ElementwiseCall&);
  ElementwiseCall call_;
  Matrix a_, b_, y_;
};

class ConvertStep final : public Step {
 public:
  ConvertStep(const VectorKernels& kernels, const Matrix& x, const Dequantize& from, const Matrix& y,
              const Requantize& to)
      : kernel_(kernels.convert), x_(x), y_(y), from_(from), to_(to) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(x_.rows, context.member, context.members);
    const ConvertCall call{rows_in(context, x_, range.first, from_), rows_out(context, y_, range.first, to_),
                           range.last - range.first, x_.n};
    if (call.rows > 0) kernel_(call);
  }

 private:
  void (*kernel_)(const ConvertCall&);
  Matrix x_, y_;
  Dequantize from_;
  Requantize to_;
};

/// The same from one NHWC image to another, whose halo may be another.
class ConvertImageStep final : public Step {
 public:
  ConvertImageStep(const VectorKernels& kernels, const Image& x, const Dequantize& from, const Image& y,
                   const Requantize& to, std::uint8_t fill)
      : kernel_(kernels.convert), x_(x), y_(y), from_(from), to_(to), fill_(fill) {}

  void run(const RunContext& context) const noexcept override {
    fill_halo(y_, fill_, context);
    for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      for (std::int64_t h = first; h < last; ++h) {
        const std::byte* x = context.at(x_.buffer) + x_.origin() + n * x_.image_stride() + h * x_.row_stride();
        std::byte* y = context.at(y_.buffer) + y_.origin() + n * y_.image_stride() + h * y_.row_stride();
        kernel_({{x, x_.pixel_stride(), x_.type, from_}, {y, y_.pixel_stride(), y_.type, to_}, y_.width, y_.channels});
      }
    });
  }

 private:
  void (*kernel_)(const ConvertCall&);
  Image x_, y_;
  Dequantize from_;
  Requantize to_;
  std::uint8_t fill_;
};

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
Matrix flat(BufferId buffer, DataType type, const Shape& shape) {
  return last_axis(buffer, type, shape);
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
  call.gamma = constant_floats(builder, node.inputs[1]);
  call.beta = constant_floats(builder, node.input(2));
  call.epsilon = node.attribute_or<float>("epsilon", 1e-5F);
  call.n = shape.back();
  call.y.quantization = requantization(y);
  const Matrix in = last_axis(builder.plain_input(node.inputs[0]), x.type, shape);
  const Matrix out = last_axis(builder.plain_output(node.outputs[0]), y.type, shape);
  auto step = std::make_unique<LayerNormStep>(builder.vector(), call, in, out);
  step->info = describe(builder, node, "layer_norm", x.type, y.type);
  builder.emit(std::move(step), {in.buffer}, {out.buffer});
  return true;
}

bool lower_softmax(Builder& builder, const Node& node) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& y = builder.value(node.outputs[0]);
  const Shape shape = builder.shape(node.inputs[0]);
  if (x.type != DataType::f32 || (y.type != DataType::f32 && y.type != DataType::bf16) || !is_last_axis(node, shape))
    return false;
  const Matrix in = last_axis(builder.plain_input(node.inputs[0]), x.type, shape);
  const Matrix out = last_axis(builder.plain_output(node.outputs[0]), y.type, shape);
  auto step = std::make_unique<SoftmaxStep>(builder.vector(), in, out);
  step->info = describe(builder, node, "softmax", x.type, y.type);
  builder.emit(std::move(step), {in.buffer}, {out.buffer});
  return true;
}

bool lower_elementwise(Builder& builder, const Node& node) {
  ElementwiseCall call;
  const bool binary = node.inputs.size() == 2;
  if (node.op == "Sub") call.op = Binary::sub;
  if (node.op == "Mul") call.op = Binary::mul;
  if (node.op == "Div") call.op = Binary::div;
  if (node.op == "Relu") call.activation = Activation::relu;
  if (node.op == "Tanh") call.activation = Activation::tanh;
  if (node.op == "Gelu") {
    if (node.attribute_or<std::string>("approximate", "none") != "none") return false;
    call.activation = Activation::gelu;
  }
  const Shape shape = builder.shape(node.outputs[0]);
  for (const ValueId id : node.inputs)
    if (!is_kernel_type(builder.value(id).type) || !(builder.shape(id) == shape)) return false;
  const Value& av = builder.value(node.inputs[0]);
  const Value& yv = builder.value(node.outputs[0]);
  if (!is_kernel_type(yv.type)) return false;
  call.a.quantization = dequantization(av);
  call.y.quantization = requantization(yv);
  const Matrix a = flat(builder.plain_input(node.inputs[0]), av.type, shape);
  Matrix b;
  if (binary) {
    const Value& bv = builder.value(node.inputs[1]);
    call.b.quantization = dequantization(bv);
    b = flat(builder.plain_input(node.inputs[1]), bv.type, shape);
  }
  const Matrix y = flat(builder.plain_output(node.outputs[0]), yv.type, shape);
  auto step = std::make_unique<ElementwiseStep>(builder.vector(), call, a, b, y);
  step->info = describe(builder, node, "elementwise", av.type, yv.type);
  builder.emit(std::move(step), {a.buffer, b.buffer}, {y.buffer});
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
    Value target = y;
    if (stated) target.quantization = Quantization{{stated->scale}, {stated->zero_point}, -1};
    const BufferId source = builder.plain_input(node.inputs[0]);
    const Image image = builder.image_output(node.outputs[0]);
    builder.emit(make_to_nhwc(builder, source, x.type, target, image, zero), {source}, {image.buffer});
    return true;
  }
  if (builder.is_image(node.inputs[0]) && builder.wanted_as_image(node.outputs[0])) {
    const Image in = builder.image_input(node.inputs[0]), out = builder.image_output(node.outputs[0]);
    auto step = std::make_unique<ConvertImageStep>(builder.vector(), in, from, out, to, zero);
    step->info = describe(builder, node, "convert", x.type, y.type);
    builder.emit(std::move(step), {in.buffer}, {out.buffer});
    return true;
  }
  const Matrix in = flat(builder.plain_input(node.inputs[0]), x.type, shape);
  const Matrix out = flat(builder.plain_output(node.outputs[0]), y.type, shape);
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
