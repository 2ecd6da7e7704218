// A convolution of groups of 1, 2, 4 or 8 channels, as many out as in -> DepthwiseStep: a row of output pixels at a
// time, rows shared among members.
#include "plan/lower_depthwise.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "kernels/depthwise/depthwise.hpp"
#include "plan/emit_gemm.hpp"

namespace tessera {
namespace {

/// Rows are cut into pieces of so many channels where members outnumber rows.
constexpr std::int64_t channels_of_piece = 64;

struct DepthwiseSpec {
  Image x, y;
  Image residual;  ///< buffer == no_buffer: none
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t first_tap = 0;  ///< bytes from an input pixel to the first tap of its window: minus the padding
  std::vector<std::int64_t> taps;
  int group = 1;
  const std::byte* weights = nullptr;
  std::int64_t block_bytes = 0;  ///< of the weights of 16 channels
  Epilogue epilogue;
  std::uint8_t fill = 0;  ///< halo byte of y
};

class DepthwiseStep final : public Step {
 public:
  DepthwiseStep(const VectorKernels& kernels, DepthwiseSpec spec)
      : kernel_(kernels.depthwise), spec_(std::move(spec)) {}

  void run(const RunContext& context) const noexcept override {
    fill_halo(spec_.y, spec_.fill, context);
    const std::int64_t rows = spec_.y.count * spec_.y.height;
    // A last share of one row more than the others is what costs time: few rows are cut.
    const std::int64_t pieces =
        rows >= 8 * context.members ? 1 : (spec_.y.channels + channels_of_piece - 1) / channels_of_piece;
    const Range range = share(rows * pieces, context.member, context.members);
    for (std::int64_t i = range.first; i < range.last; ++i) {
      const std::int64_t row = i / pieces, piece = i % pieces;
      const std::int64_t first = pieces == 1 ? 0 : piece * channels_of_piece;
      const std::int64_t last = pieces == 1 ? spec_.y.channels : std::min(spec_.y.channels, first + channels_of_piece);
      run_row(context, row / spec_.y.height, row % spec_.y.height, first, last - first);
    }
  }

 private:
  static std::int64_t at(const Image& image, std::int64_t n, std::int64_t h, std::int64_t channel) {
    return image.origin() + n * image.image_stride() + h * image.row_stride() +
           channel * static_cast<std::int64_t>(size_of(image.type));
  }

  void run_row(const RunContext& context, std::int64_t n, std::int64_t h, std::int64_t channel,
               std::int64_t channels) const noexcept {
    Epilogue epilogue = spec_.epilogue;
    if (epilogue.bias != nullptr) epilogue.bias += channel;
    if (epilogue.scale != nullptr) epilogue.scale += channel;
    if (epilogue.compensation != nullptr) epilogue.compensation += channel;
    DepthwiseCall call;
    call.x = context.at(spec_.x.buffer) + at(spec_.x, n, h * spec_.stride_h, channel) + spec_.first_tap;
    call.type = spec_.x.type;
    call.x_step = spec_.stride_w * spec_.x.pixel_stride();
    call.taps = spec_.taps.data();
    call.tap_count = static_cast<int>(spec_.taps.size());
    call.group = spec_.group;
    call.weights = spec_.weights + channel / depthwise_lanes * spec_.block_bytes;
    call.channels = channels;
    call.pixels = spec_.y.width;
    call.epilogue = &epilogue;
    if (spec_.residual.buffer != no_buffer) {
      call.residual = context.at(spec_.residual.buffer) + at(spec_.residual, n, h, channel);
      call.residual_step = spec_.residual.pixel_stride();
    }
    call.y = context.at(spec_.y.buffer) + at(spec_.y, n, h, channel);
    call.y_step = spec_.y.pixel_stride();
    kernel_(call);
  }

  void (*kernel_)(const DepthwiseCall&);
  DepthwiseSpec spec_;
};

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
  spec.first_tap = -window.pad_top * spec.x.row_stride() - window.pad_left * spec.x.pixel_stride();
  spec.taps = taps_of(window, spec.x);

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
