// Concat: elements are copied, whatever they stand for, so all parts and the result have one type. Images are joined
// pixel by pixel along their channels; anything else is joined dense.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plan/lower.hpp"

namespace tessera {
namespace {

class ConcatImages final : public Step {
 public:
  ConcatImages(std::vector<Image> parts, const Image& y, std::uint8_t fill)
      : parts_(std::move(parts)), y_(y), fill_(fill) {}

  void run(const RunContext& context) const noexcept override {
    fill_halo(y_, fill_, context);
    for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
      for (std::int64_t h = first; h < last; ++h) {
        std::byte* target = row(context, y_, n, h);
        for (const Image& part : parts_) {
          const std::byte* source = row(context, part, n, h);
          const auto bytes = static_cast<std::size_t>(part.pixel_stride());
          for (std::int64_t w = 0; w < y_.width; ++w)
            std::memcpy(target + w * y_.pixel_stride(), source + w * part.pixel_stride(), bytes);
          target += bytes;
        }
      }
    });
  }

 private:
  static std::byte* row(const RunContext& context, const Image& image, std::int64_t n, std::int64_t h) noexcept {
    return context.at(image.buffer) + image.origin() + n * image.image_stride() + h * image.row_stride();
  }

  std::vector<Image> parts_;
  Image y_;
  std::uint8_t fill_;
};

/// `outer` times: the runs of all parts, one behind the other.
class ConcatRuns final : public Step {
 public:
  struct Part {
    BufferId buffer = no_buffer;
    std::size_t bytes = 0;  ///< of one run
  };
  ConcatRuns(std::vector<Part> parts, BufferId target, std::int64_t outer)
      : parts_(std::move(parts)), target_(target), outer_(outer) {
    for (const Part& part : parts_) bytes_ += part.bytes;
  }

  void run(const RunContext& context) const noexcept override {
    const Range range = share(outer_, context.member, context.members);
    for (std::int64_t i = range.first; i < range.last; ++i) {
      std::byte* target = context.at(target_) + static_cast<std::size_t>(i) * bytes_;
      for (const Part& part : parts_) {
        std::memcpy(target, context.at(part.buffer) + static_cast<std::size_t>(i) * part.bytes, part.bytes);
        target += part.bytes;
      }
    }
  }

 private:
  std::vector<Part> parts_;
  BufferId target_;
  std::int64_t outer_;
  std::size_t bytes_ = 0;
};

bool parts_fit(const Builder& builder, const Node& node) {
  const Value& y = builder.value(node.outputs[0]);
  if (y.type != DataType::f32 && y.type != DataType::bf16 && y.type != DataType::u8) return false;
  return std::ranges::all_of(node.inputs, [&](ValueId id) { return builder.value(id).type == y.type; });
}

StepInfo describe(const Node& node, DataType type) {
  const std::string name(name_of(type));
  return {node.name, node.op, "concat", "-", name + "->" + name, "", 0, 0};
}

}  // namespace

bool lower_concat(Builder& builder, const Node& node) {
  if (!parts_fit(builder, node)) return false;
  const ValueId y = node.outputs[0];
  const Shape shape = builder.shape(y);
  const auto rank = static_cast<std::int64_t>(shape.rank());
  std::int64_t axis = node.attribute_or<std::int64_t>("axis", 0);
  if (axis < 0) axis += rank;
  const bool pixels = std::ranges::any_of(node.inputs, [&](ValueId id) { return builder.is_image(id); });
  std::vector<BufferId> reads;
  reads.reserve(node.inputs.size());
  std::unique_ptr<Step> step;
  BufferId target = no_buffer;
  if (rank == 4 && axis == 1 && (builder.wanted_as_image(y) || pixels)) {
    std::vector<Image> parts;
    parts.reserve(node.inputs.size());
    for (const ValueId id : node.inputs) parts.push_back(builder.image_input(id));
    for (const Image& part : parts) reads.push_back(part.buffer);
    const Image image = builder.image_output(y);
    target = image.buffer;
    step = std::make_unique<ConcatImages>(std::move(parts), image, zero_byte(builder.value(y)));
  } else {
    const auto joined = static_cast<std::size_t>(axis);
    std::vector<ConcatRuns::Part> parts;
    parts.reserve(node.inputs.size());
    for (const ValueId id : node.inputs) {
      const Shape part = builder.shape(id);
      reads.push_back(builder.plain_input(id));
      parts.push_back({reads.back(),
                       static_cast<std::size_t>(part.product(joined, part.rank())) * size_of(builder.value(id).type)});
    }
    target = builder.plain_output(y);
    step = std::make_unique<ConcatRuns>(std::move(parts), target, shape.product(0, joined));
  }
  step->info = describe(node, builder.value(y).type);
  builder.emit(std::move(step), std::move(reads), {target});
  return true;
}

}  // namespace tessera
