// A convolution of groups of 1, 2, 4 or 8 channels, as many out as in -> DepthwiseStep.
#include "compile/product/lower_depthwise.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "compile/product/emit_gemm.hpp"
#include "kernels/depthwise/depthwise.hpp"
#include "run/steps/depthwise_step.hpp"

namespace tessera {
namespace {

bool is_small_group(std::int64_t group) {
  return group == 1 || group == 2 || group == 4 || group == 8;
}

std::vector<std::int64_t> taps_of(const Window& window, const Image& x) {
  std::vector<std::int64_t> taps;
  for (std::int64_t h = 0; h < window.kernel_h; ++h)
    for (std::int64_t w = 0; w < window.kernel_w; ++w)
      taps.push_back(h * window.dilation_h * x.row_stride() + w * window.dilation_w * x.pixel_stride());
  return taps;
}

}  // namespace

bool lower_depthwise(Builder& builder, const Node& node, const Window& window, const BrgemmKernel& product) {
  const Value& xv = builder.value(node.inputs[0]);
  const Value& w = builder.value(node.inputs[1]);
  const Value& yv = builder.value(node.outputs[0]);
  const Shape xs = builder.shape(node.inputs[0]), ws = builder.shape(node.inputs[1]);
  const std::int64_t groups = node.attribute_or<std::int64_t>("group", 1);
  if (groups == 1 || !is_small_group(ws[1]) || ws[0] != xs[1] || quantizes_at_run_time(xv, w) || has_zero_points(w))
    return false;

  DepthwiseSpec spec;
  spec.group = static_cast<int>(ws[1]);
  spec.x = builder.image_input(node.inputs[0]);
  if (node.has_input(3)) spec.residual = builder.image_input(node.inputs[3]);
  spec.y = builder.image_output(node.outputs[0]);
  spec.fill = zero_byte(yv);
  spec.stride_h = window.stride_h;
  spec.stride_w = window.stride_w;
  spec.pad_top = window.pad_top;
  spec.window_rows = (window.kernel_h - 1) * window.dilation_h + 1;
  spec.first_tap = -window.pad_top * spec.x.row_stride() - window.pad_left * spec.x.pixel_stride();
  spec.taps = taps_of(window, spec.x);
  if (window.dilation_w == 1) spec.row_taps = static_cast<int>(window.kernel_w);

  // Each channel is a column of a matrix with as many rows as a window has elements of its group.
  const std::int64_t products = ws[1] * ws[2] * ws[3];
  const GemmWeights columns{&w, 1, ws[0], {products}, false, 1};
  spec.epilogue = make_epilogue(builder, node, product, columns, xv, node.input(2), node.input(3));
  const DepthwiseWeights geometry{ws[0], spec.group, static_cast<int>(ws[2] * ws[3])};
  const DataType type = spec.x.type;
  const std::string form = "depthwise/" + std::string(name_of(type)) + "/" + std::to_string(geometry.group) + "/" +
                           std::to_string(geometry.taps);
  const std::size_t bytes = packed_depthwise_bytes(type, geometry);
  const auto pack = [type, geometry](const std::byte* from, std::byte* packed) {
    pack_depthwise(type, geometry, from, packed);
  };
  spec.weights = builder.keep(builder.weights().get(w.constant, form, bytes, pack), true);
  spec.block_bytes = static_cast<std::int64_t>(packed_depthwise_bytes(type, {1, geometry.group, geometry.taps}));

  const std::int64_t outputs = builder.shape(node.outputs[0]).elements();
  const std::vector<BufferId> reads{spec.x.buffer, spec.residual.buffer}, writes{spec.y.buffer};
  auto step = std::make_unique<DepthwiseStep>(builder.vector(), std::move(spec));
  step->info = {node.name,
                node.op,
                "depthwise",
                std::string(name_of(builder.vector().isa)),
                gemm_precision(product, yv.type),
                "",
                2e-9 * static_cast<double>(outputs) * static_cast<double>(products),
                0};
  builder.emit(std::move(step), reads, writes);
  return true;
}

}  // namespace tessera
