// Convolution -> GemmStep: one K segment per kernel row (kw and channels lie together in NHWC), or per tap where they
// do not.
#include "compile/lower/lower.hpp"
#include "compile/product/algorithms.hpp"
#include "compile/product/emit_gemm.hpp"
#include "ops/window.hpp"

namespace tessera {
namespace {

std::vector<KSegment> segments_of(const Window& window, const Image& x, std::int64_t groups) {
  std::vector<KSegment> segments;
  const bool row_contiguous = groups == 1 && window.dilation_w == 1 && x.gap == 0;
  for (std::int64_t kh = 0; kh < window.kernel_h; ++kh) {
    const std::int64_t row = kh * window.dilation_h * x.row_stride();
    if (row_contiguous) {
      segments.push_back({row, window.kernel_w * x.channels});
      continue;
    }
    for (std::int64_t kw = 0; kw < window.kernel_w; ++kw)
      segments.push_back({row + kw * window.dilation_w * x.pixel_stride(), x.channels / groups});
  }
  return segments;
}

std::vector<std::int64_t> lengths_of(const std::vector<KSegment>& segments) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(segments.size());
  for (const KSegment& segment : segments) lengths.push_back(segment.k);
  return lengths;
}

bool operands_fit(const Builder& builder, const Node& node) {
  const bool bias_fits = !node.has_input(2) || builder.value(node.inputs[2]).is_constant();
  const DataType out = builder.value(node.outputs[0]).type;
  return bias_fits && (out == DataType::f32 || out == DataType::bf16 || out == DataType::u8);
}

}  // namespace

bool lower_conv(Builder& builder, const Node& node) {
  const Value& w = builder.value(node.inputs[1]);
  const bool quantizes = quantizes_at_run_time(builder.value(node.inputs[0]), w);
  // The zero point is 1 until the step knows it (GemmSpec::dequantize_a).
  const Value x = quantizes ? as_integers(builder.value(node.inputs[0]), 1) : builder.value(node.inputs[0]);
  const Shape xs = builder.shape(node.inputs[0]), ws = builder.shape(node.inputs[1]);
  const std::int64_t pixels = builder.shape(node.outputs[0]).elements() / std::max<std::int64_t>(1, ws[0]);
  const BrgemmKernel* kernel = gemm_kernel(builder, x, w, pixels);
  if (kernel == nullptr || !operands_fit(builder, node)) return false;

  const Window window = window_of(node, xs[2], xs[3], ws[2], ws[3]);
  for (const ConvolutionAlgorithm lower : convolution_algorithms())
    if (lower(builder, node, window, *kernel)) return true;
  GemmSpec spec;
  spec.groups = node.attribute_or<std::int64_t>("group", 1);
  spec.columns = ws[0] / spec.groups;
  if (quantizes) {
    const QuantizedImage integers = builder.quantized_image(node.inputs[0]);
    spec.a = integers.image;
    spec.dequantize_a = integers.parameters;
  } else {
    spec.a = builder.image_input(node.inputs[0]);
  }
  if (node.has_input(3)) spec.residual = builder.image_input(node.inputs[3]);
  spec.c = builder.image_output(node.outputs[0]);
  spec.fill = zero_byte(builder.value(node.outputs[0]));
  spec.stride_h = window.stride_h;
  spec.stride_w = window.stride_w;
  spec.first_tap = -window.pad_top * spec.a.row_stride() - window.pad_left * spec.a.pixel_stride();
  spec.segments = segments_of(window, spec.a, spec.groups);

  const GemmWeights weights{&w, spec.groups, spec.columns, lengths_of(spec.segments), false, ws[2] * ws[3]};
  emit_gemm(builder, node, *kernel, std::move(spec), weights, x, node.input(2), node.input(3));
  return true;
}

}  // namespace tessera
