// MaxPool, AveragePool and GlobalAveragePool of images -> PoolStep.
#include "compile/lower/lower.hpp"
#include "compile/lower/operands.hpp"
#include "ops/window.hpp"
#include "run/steps/pool_step.hpp"

namespace tessera {
namespace {

Window pool_window(const Builder& builder, const Node& node) {
  const Shape x = builder.shape(node.inputs[0]);
  if (node.op != "GlobalAveragePool") return window_of(node, x[2], x[3]);
  Window whole;
  whole.kernel_h = x[2];
  whole.kernel_w = x[3];
  whole.out_h = whole.out_w = 1;
  return whole;
}

/// Whether ceil_mode lets a window end beyond the padding, where nothing counts: the kernel divides by whole windows.
bool counts_beyond_padding(const Node& node, const Window& w, const Shape& x) {
  if (node.attribute_or<std::int64_t>("count_include_pad", 0) == 0) return false;
  return (w.out_h - 1) * w.stride_h + w.kernel_h > x[2] + w.pad_top + w.pad_bottom ||
         (w.out_w - 1) * w.stride_w + w.kernel_w > x[3] + w.pad_left + w.pad_right;
}

}  // namespace

bool lower_pool(Builder& builder, const Node& node) {
  const Value& xv = builder.value(node.inputs[0]);
  const Value& yv = builder.value(node.outputs[0]);
  if (node.outputs.size() > 1 || xv.shape.rank() != 4 || !is_kernel_type(xv.type) || !is_kernel_type(yv.type))
    return false;
  const Window window = pool_window(builder, node);
  if (window.dilation_h != 1 || window.dilation_w != 1) return false;
  if (counts_beyond_padding(node, window, builder.shape(node.inputs[0]))) return false;

  const Image x = builder.image_input(node.inputs[0]);
  const Image y = builder.image_output(node.outputs[0]);
  PoolCall call;
  call.average = node.op != "MaxPool";
  // The maximum of codes is one of the codes: it is handed on as it is, whatever scale is known of either end.
  const bool passes_codes = !call.average && xv.type == DataType::u8;
  call.x = {nullptr, x.pixel_stride(), x.type, passes_codes ? Dequantize{} : dequantization(xv)};
  call.y = {nullptr, y.pixel_stride(), y.type, passes_codes ? Requantize{} : requantization(yv)};
  call.x_row_stride = x.row_stride();
  call.y_row_stride = y.row_stride();
  call.height = x.height;
  call.width = x.width;
  call.channels = x.channels;
  call.out_width = y.width;
  call.kernel_h = static_cast<int>(window.kernel_h);
  call.kernel_w = static_cast<int>(window.kernel_w);
  call.stride_h = static_cast<int>(window.stride_h);
  call.stride_w = static_cast<int>(window.stride_w);
  call.pad_top = static_cast<int>(window.pad_top);
  call.pad_left = static_cast<int>(window.pad_left);
  call.count_include_pad = node.attribute_or<std::int64_t>("count_include_pad", 0) != 0;

  auto step = std::make_unique<PoolStep>(builder.vector(), call, x, y, zero_byte(yv));
  step->info = {node.name,
                node.op,
                "pool",
                std::string(name_of(builder.vector().isa)),
                std::string(name_of(x.type)) + "->" + std::string(name_of(y.type)),
                "",
                0,
                0};
  builder.emit(std::move(step), {x.buffer}, {y.buffer});
  return true;
}

}  // namespace tessera
