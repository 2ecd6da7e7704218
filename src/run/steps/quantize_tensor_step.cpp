#include "run/steps/quantize_tensor_step.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "core/dynamic_scale.hpp"

namespace tessera {
namespace {

/// Parts of a tensor whose ranges are found one by one: enough to share among members, few enough to go through again.
constexpr std::int64_t parts = 64;
/// Elements of a line of f32: parts are whole ones, lest two members write into one.
constexpr std::int64_t grain = 16;

/// The least and the largest element, as RangeCall has it.
using Extremes = std::array<float, 2>;

class RangeStep final : public Step {
 public:
  RangeStep(const VectorKernels& kernels, const FloatSource& source, BufferId range)
      : kernel_(kernels.range), source_(source), range_(range) {}

  void run(const RunContext& context) const noexcept override {
    auto* ranges = reinterpret_cast<Extremes*>(context.at(range_));
    const Range mine = share(parts, context.member, context.members);
    for (std::int64_t part = mine.first; part < mine.last; ++part) {
      const Range elements = share(source_.elements, static_cast<int>(part), parts, grain);
      const std::byte* const x =
          context.at(source_.buffer) + elements.first * static_cast<std::int64_t>(size_of(source_.type));
      kernel_({x, source_.type, elements.last - elements.first, ranges[part].data()});
    }
  }

 private:
  void (*kernel_)(const RangeCall&);
  FloatSource source_;
  BufferId range_;
};

class QuantizeTensorStep final : public Step {
 public:
  QuantizeTensorStep(const VectorKernels& kernels, const FloatSource& source, BufferId range,
                     const QuantizedImage& target)
      : kernels_(kernels), source_(source), range_(range), target_(target) {}

  void run(const RunContext& context) const noexcept override {
    const DynamicScale chosen = scale_of(context);
    if (context.member == 0)
      *reinterpret_cast<Dequantize*>(context.at(target_.parameters)) = {chosen.scale, chosen.zero_point};
    fill_halo(target_.image, chosen.zero_point, context);
    // A tensor without a scale, of nothing but zeros or with NaN in it, becomes its zero point.
    const float step = chosen.scale > 0.0F ? chosen.scale : std::numeric_limits<float>::infinity();
    const Requantize to_u8{step, chosen.zero_point};
    for_rows_of_member(target_.image, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      source_.image.buffer == no_buffer ? from_dense(context, to_u8, n, first, last)
                                        : from_image(context, to_u8, n, first, last);
    });
  }

 private:
  /// Every member looks at all parts: the order does not matter to the least and the largest.
  [[nodiscard]] DynamicScale scale_of(const RunContext& context) const noexcept {
    const auto* ranges = reinterpret_cast<const Extremes*>(context.at(range_));
    float low = 0.0F, high = 0.0F, poison = 0.0F;
    for (std::int64_t part = 0; part < parts; ++part) {
      low = std::min(low, ranges[part][0]);
      high = std::max(high, ranges[part][1]);
      poison += ranges[part][0] * 0.0F;  // NaN, which min and max drop
    }
    return dynamic_scale(low + poison, high + poison);
  }

  void from_dense(const RunContext& context, const Requantize& to_u8, std::int64_t n, std::int64_t first,
                  std::int64_t last) const noexcept {
    const Image& y = target_.image;
    kernels_.to_nhwc({reinterpret_cast<const float*>(context.at(source_.buffer)) + n * y.channels * y.height * y.width,
                      {context.at(y.buffer) + y.row_offset(n, 0), y.pixel_stride(), y.type, to_u8},
                      y.row_stride(),
                      y.channels,
                      y.height,
                      y.width,
                      first,
                      last});
  }

  void from_image(const RunContext& context, const Requantize& to_u8, std::int64_t n, std::int64_t first,
                  std::int64_t last) const noexcept {
    const Image &x = source_.image, &y = target_.image;
    kernels_.convert({{context.at(x.buffer) + x.row_offset(n, first), x.row_stride(), x.type, {}},
                      {context.at(y.buffer) + y.row_offset(n, first), y.row_stride(), y.type, to_u8},
                      last - first,
                      x.width * x.channels});
  }

  const VectorKernels& kernels_;
  FloatSource source_;
  BufferId range_;
  QuantizedImage target_;
};

StepInfo describe(const VectorKernels& kernels, const char* op, const char* kernel, std::string precision) {
  return {"", op, kernel, std::string(name_of(kernels.isa)), std::move(precision), "", 0, 0};
}

}  // namespace

std::size_t range_bytes() noexcept {
  return parts * sizeof(Extremes);
}

std::unique_ptr<Step> make_range(const VectorKernels& kernels, const FloatSource& source, BufferId range) {
  auto step = std::make_unique<RangeStep>(kernels, source, range);
  step->info = describe(kernels, "Range", "range", std::string(name_of(source.type)));
  return step;
}

std::unique_ptr<Step> make_quantize_tensor(const VectorKernels& kernels, const FloatSource& source, BufferId range,
                                           const QuantizedImage& target) {
  auto step = std::make_unique<QuantizeTensorStep>(kernels, source, range, target);
  const char* const kernel = source.image.buffer == no_buffer ? "to_nhwc" : "convert";
  step->info = describe(kernels, "QuantizeTensor", kernel, std::string(name_of(source.type)) + "->u8");
  return step;
}

}  // namespace tessera
