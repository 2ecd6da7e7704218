#include "run/steps/image_steps.hpp"

#include <cstring>
#include <string>

namespace tessera {
namespace {

/// f32 NCHW -> NHWC of any type, by the vector kernel; output rows are split among members.
class ToNhwc final : public Step {
 public:
  ToNhwc(const VectorKernels& kernels, BufferId source, const Requantize& target, const Image& image, std::uint8_t zero)
      : kernel_(kernels.to_nhwc), source_(source), image_(image), requantize_(target), fill_(zero) {}

  void run(const RunContext& context) const noexcept override {
    fill_halo(image_, fill_, context);
    const auto* source = reinterpret_cast<const float*>(context.at(source_));
    for_rows_of_member(image_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      kernel_({source + n * image_.channels * image_.height * image_.width,
               {context.at(image_.buffer) + image_.row_offset(n, 0), image_.pixel_stride(), image_.type, requantize_},
               image_.row_stride(),
               image_.channels,
               image_.height,
               image_.width,
               first,
               last});
    });
  }

 private:
  void (*kernel_)(const ToNhwcCall&);
  BufferId source_;
  Image image_;
  Requantize requantize_;
  std::uint8_t fill_;
};

/// NHWC of any type -> f32 NCHW.
class ToNchw final : public Step {
 public:
  ToNchw(const VectorKernels& kernels, const Image& image, const Dequantize& source, BufferId target)
      : kernel_(kernels.to_nchw), image_(image), dequantize_(source), target_(target) {}

  void run(const RunContext& context) const noexcept override {
    auto* target = reinterpret_cast<float*>(context.at(target_));
    for_rows_of_member(image_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      kernel_({{context.at(image_.buffer) + image_.row_offset(n, 0), image_.pixel_stride(), image_.type, dequantize_},
               image_.row_stride(),
               target + n * image_.channels * image_.height * image_.width,
               image_.channels,
               image_.height,
               image_.width,
               first,
               last});
    });
  }

 private:
  void (*kernel_)(const ToNchwCall&);
  Image image_;
  Dequantize dequantize_;
  BufferId target_;
};

/// The same layout change without conversion, for element types the kernels do not convert: plain code.
class MoveElements final : public Step {
 public:
  MoveElements(BufferId dense, const Image& image, std::uint8_t fill, bool to_image)
      : dense_(dense), image_(image), fill_(fill), to_image_(to_image) {}

  void run(const RunContext& context) const noexcept override {
    if (to_image_) fill_halo(image_, fill_, context);
    const Range range = share(image_.count * image_.height, context.member, context.members);
    const auto size = static_cast<std::int64_t>(size_of(image_.type));
    for (std::int64_t row = range.first; row < range.last; ++row) {
      const std::int64_t n = row / image_.height, h = row % image_.height;
      std::byte* pixels = context.at(image_.buffer) + image_.row_offset(n, h);
      for (std::int64_t c = 0; c < image_.channels; ++c) {
        std::byte* plane = context.at(dense_) + ((n * image_.channels + c) * image_.height + h) * image_.width * size;
        for (std::int64_t w = 0; w < image_.width; ++w) {
          std::byte* pixel = pixels + w * image_.pixel_stride() + c * size;
          std::byte* element = plane + w * size;
          std::memcpy(to_image_ ? pixel : element, to_image_ ? element : pixel, static_cast<std::size_t>(size));
        }
      }
    }
  }

 private:
  BufferId dense_;
  Image image_;
  std::uint8_t fill_;
  bool to_image_;
};

StepInfo describe(const VectorKernels& kernels, const std::string& direction, DataType from, DataType to, bool plain) {
  StepInfo info;
  info.op = "Reorder";
  info.kernel = plain ? "reference" : direction;
  info.isa = plain ? "-" : std::string(name_of(kernels.isa));
  info.precision = std::string(name_of(from)) + "->" + std::string(name_of(to));
  return info;
}

}  // namespace

std::unique_ptr<Step> make_to_nhwc(const VectorKernels& kernels, BufferId source, DataType source_type,
                                   const Requantize& target, const Image& image, std::uint8_t zero) {
  const bool plain = source_type != DataType::f32;
  std::unique_ptr<Step> step;
  if (plain) {
    step = std::make_unique<MoveElements>(source, image, zero, true);
  } else {
    step = std::make_unique<ToNhwc>(kernels, source, target, image, zero);
  }
  step->info = describe(kernels, "to_nhwc", source_type, image.type, plain);
  return step;
}

std::unique_ptr<Step> make_to_nchw(const VectorKernels& kernels, const Image& image, const Dequantize& source,
                                   BufferId target) {
  const bool plain = image.type != DataType::f32;
  std::unique_ptr<Step> step;
  if (plain) {
    step = std::make_unique<MoveElements>(target, image, std::uint8_t{0}, false);
  } else {
    step = std::make_unique<ToNchw>(kernels, image, source, target);
  }
  step->info = describe(kernels, "to_nchw", image.type, image.type, plain);
  return step;
}

}  // namespace tessera
