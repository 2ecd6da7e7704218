#include "ops/window.hpp"

#include <algorithm>
#include <string>

#include "ops/expect.hpp"

namespace tessera {
namespace {

enum class Padding { given, same_upper, same_lower };

/// What the attributes say about one of the two spatial axes.
struct Axis {
  std::int64_t kernel, stride, dilation, pad_begin, pad_end;
  Padding padding;
  bool ceil_mode;

  /// Input elements between the first and the last one under the window, both included.
  [[nodiscard]] std::int64_t reach() const noexcept { return dilation * (kernel - 1) + 1; }
};

/// Entry `index` of a list attribute that must have `count` entries of `least` or more.
std::int64_t entry_of(const Node& node, std::string_view key, std::size_t index, std::size_t count, std::int64_t least,
                      std::int64_t fallback) {
  const auto* list = node.find_attribute<std::vector<std::int64_t>>(key);
  if (list == nullptr || list->empty()) return fallback;
  if (list->size() != count)
    node_error(node, "attribute " + std::string(key) + " has " + std::to_string(list->size()) +
                         " entries; only 2-D windows are supported");
  const std::int64_t value = (*list)[index];
  if (value < least || value > largest_of_window)
    node_error(node, "attribute " + std::string(key) + " holds " + std::to_string(value));
  return value;
}

std::int64_t kernel_of(const Node& node, std::size_t index, std::int64_t given) {
  const std::int64_t kernel = entry_of(node, "kernel_shape", index, 2, 1, given);
  if (kernel == 0) node_error(node, "attribute kernel_shape is missing");
  if (kernel > largest_of_window) node_error(node, "its weights have an extent of " + std::to_string(kernel));
  if (given != 0 && kernel != given) node_error(node, "attribute kernel_shape disagrees with the weights");
  return kernel;
}

Axis axis_of(const Node& node, std::size_t index, std::int64_t given_kernel) {
  Axis axis{};
  axis.kernel = kernel_of(node, index, given_kernel);
  axis.stride = entry_of(node, "strides", index, 2, 1, 1);
  axis.dilation = entry_of(node, "dilations", index, 2, 1, 1);
  axis.ceil_mode = node.attribute_or<std::int64_t>("ceil_mode", 0) != 0;
  const auto auto_pad = text_attribute(node, "auto_pad", "NOTSET");
  if (auto_pad == "SAME_UPPER") {
    axis.padding = Padding::same_upper;
  } else if (auto_pad == "SAME_LOWER") {
    axis.padding = Padding::same_lower;
  } else if (auto_pad == "NOTSET") {
    axis.pad_begin = entry_of(node, "pads", index, 4, 0, 0);
    axis.pad_end = entry_of(node, "pads", index + 2, 4, 0, 0);
  } else if (auto_pad != "VALID") {
    node_error(node,
               "attribute auto_pad is " + std::string(auto_pad) + "; supported: NOTSET, SAME_UPPER, SAME_LOWER, VALID");
  }
  return axis;
}

/// Turns SAME padding into numbers and returns the output extent. A total that is odd puts one more at the named end.
std::int64_t resolve(const Node& node, Axis& axis, std::int64_t extent) {
  if (axis.padding != Padding::given) {
    const std::int64_t out = (extent + axis.stride - 1) / axis.stride;
    const std::int64_t total = std::max<std::int64_t>(0, (out - 1) * axis.stride + axis.reach() - extent);
    axis.pad_begin = axis.padding == Padding::same_upper ? total / 2 : total - total / 2;
    axis.pad_end = total - axis.pad_begin;
    return out;
  }
  const std::int64_t slack = extent + axis.pad_begin + axis.pad_end - axis.reach();
  if (slack < 0)
    node_error(node,
               "a window of " + std::to_string(axis.reach()) + " does not fit the padded input of " +
                   std::to_string(slack + axis.reach()),
               "use a larger input");
  const std::int64_t out = (slack + (axis.ceil_mode ? axis.stride - 1 : 0)) / axis.stride + 1;
  // A window that ceil_mode adds must start inside the image or its leading padding.
  return axis.ceil_mode && (out - 1) * axis.stride >= extent + axis.pad_begin ? out - 1 : out;
}

Dim extent_of(const Node& node, Axis axis, const Dim& extent) {
  if (extent.known()) return {resolve(node, axis, extent.value())};
  if (axis.padding != Padding::given) return (extent + Dim(axis.stride - 1)) / Dim(axis.stride);
  // Whether ceil_mode adds a window depends on the number behind the symbol.
  if (axis.ceil_mode && axis.stride > 1) return {};
  const std::int64_t growth = axis.pad_begin + axis.pad_end - axis.reach();
  const Dim slack = growth < 0 ? extent - Dim(-growth) : extent + Dim(growth);
  if (axis.stride == 1) return growth < 0 ? extent - Dim(-growth - 1) : extent + Dim(growth + 1);
  return slack / Dim(axis.stride) + Dim(1);
}

}  // namespace

Window window_of(const Node& node, std::int64_t height, std::int64_t width, std::int64_t kernel_h,
                 std::int64_t kernel_w) {
  Axis vertical = axis_of(node, 0, kernel_h);
  Axis horizontal = axis_of(node, 1, kernel_w);
  const std::int64_t out_h = resolve(node, vertical, height);
  const std::int64_t out_w = resolve(node, horizontal, width);
  return {vertical.kernel,
          horizontal.kernel,
          vertical.stride,
          horizontal.stride,
          vertical.dilation,
          horizontal.dilation,
          vertical.pad_begin,
          horizontal.pad_begin,
          vertical.pad_end,
          horizontal.pad_end,
          out_h,
          out_w};
}

std::array<Dim, 2> window_extents(const Node& node, const Dim& height, const Dim& width, std::int64_t kernel_h,
                                  std::int64_t kernel_w) {
  return {extent_of(node, axis_of(node, 0, kernel_h), height), extent_of(node, axis_of(node, 1, kernel_w), width)};
}

}  // namespace tessera
