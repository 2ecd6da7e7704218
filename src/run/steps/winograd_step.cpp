#include "run/steps/winograd_step.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tessera {
namespace {

/// Tiles of one block, and pixels in them: pointer arrays of these lengths live on the stack.
constexpr int most_block_tiles = 64;
constexpr int most_side = 4, most_elements = 36;
/// Transformed tiles and their products should stay in L2 between the phases, ...
constexpr std::int64_t tile_bytes_in_l2 = 512 * 1024;
/// ... but weights are read once a block, and the number of its tiles has to be worth it.
constexpr int least_block_tiles = 24;

/// Weights that are transformed here stay in L2 beside the tiles.
constexpr std::int64_t weights_budget = 320 * 1024;

/// Pixels whose sums are finished together, while L1 holds them: whole tiles of either size, and register blocks of 14.
constexpr int finished_pixels = 112;

/// Rough times, with a multiply-add as 1: of one element of a transformed tile, in one channel or column, and of one
/// weight that comes from L3.
constexpr std::int64_t input_cost = 20, output_cost = 20, weight_cost = 8;

constexpr std::int64_t sum_bytes = 4;

}  // namespace

/// Some tiles and panels, and where their transformed forms lie.
struct WinogradStep::Block {
  std::int64_t first_tile = 0;
  int tiles = 0;
  std::int64_t first_panel = 0, last_panel = 0;
  std::byte* v = nullptr;        ///< [element][tile][v_stride_]
  std::byte* m = nullptr;        ///< [element][panel][tile][nr], of panels_at_once()
  std::byte* weights = nullptr;  ///< [matrix][transformed_stride], where they are transformed here
  std::byte* sums = nullptr;     ///< [tile][pixel][nr] of one panel
  std::byte* nowhere = nullptr;  ///< a row of C for pixels outside the image
};

/// The pixels of a block, where they go.
struct WinogradStep::Outputs {
  static constexpr std::size_t most = most_block_tiles * most_side * most_side;
  std::array<std::byte*, most> c;
  std::array<const std::byte*, most> residual;
};

WinogradStep::WinogradStep(const BrgemmKernel& kernel, const WinogradTransforms& transforms, const WinogradSpec& spec)
    : kernel_(kernel),
      transforms_(transforms),
      spec_(spec),
      side_(transforms.side),
      tile_(transforms.tile()),
      elements_(transforms.elements()) {
  tiles_across_ = (spec.c.width + side_ - 1) / side_;
  tiles_down_ = (spec.c.height + side_ - 1) / side_;
  panels_ = (spec.c.channels + kernel.nr - 1) / kernel.nr;
  const std::int64_t segment[] = {spec.a.channels};
  matrix_bytes_ = static_cast<std::int64_t>(packed_b_bytes(kernel, segment, spec.c.channels));
  // Whole lines, and one more than the channels need: not a power of two, lest tiles share L1 sets.
  const std::size_t channel_bytes = static_cast<std::size_t>(spec.a.channels) * size_of(transforms.operand);
  v_stride_ = static_cast<std::int64_t>(round_up(channel_bytes, 64)) + 64;
  outside_ = AlignedBuffer(static_cast<std::size_t>(spec.a.pixel_stride()));
  std::memset(outside_.data(), spec.zero, outside_.size());
  const std::int64_t of_channel = elements_ * kernel.nr * static_cast<std::int64_t>(size_of(transforms.operand));
  channels_at_once_ =
      std::min<std::int64_t>(spec.a.channels, std::max<std::int64_t>(1, weights_budget / of_channel / 16) * 16);

  const std::int64_t fitting = std::max<std::int64_t>(least_block_tiles, tile_bytes_in_l2 / block_bytes(1));
  const std::int64_t total = spec.c.count * tiles_down_ * tiles_across_;
  block_tiles_ = static_cast<int>(std::min({fitting, std::int64_t{most_block_tiles}, total}));
}

/// Of v and m.
std::int64_t WinogradStep::block_bytes(int tiles) const noexcept {
  return elements_ * tiles * (v_stride_ + panels_at_once() * tile_bytes());
}

std::int64_t WinogradStep::transformed_stride() const noexcept {
  // A line more: not a power of two, lest matrices share L1 sets.
  return static_cast<std::int64_t>(packed_k_bytes(kernel_, channels_at_once_)) + 64;
}

std::int64_t WinogradStep::tile_bytes() const noexcept {
  return kernel_.nr * sum_bytes;
}

std::int64_t WinogradStep::weight_bytes() const noexcept {
  return spec_.transforms_weights ? transforms_.matrices() * transformed_stride() : 0;
}

std::size_t WinogradStep::scratch_bytes() const noexcept {
  const std::int64_t sums = finished_pixels * tile_bytes();
  const auto row = static_cast<std::int64_t>(round_up(static_cast<std::size_t>(spec_.c.channels) * sizeof(float), 64));
  return static_cast<std::size_t>(weight_bytes() + block_bytes(block_tiles_) + sums + row) + buffer_slack;
}

WinogradStep::Place WinogradStep::place_of(std::int64_t tile) const noexcept {
  const std::int64_t of_image = tiles_down_ * tiles_across_, in_image = tile % of_image;
  return {tile / of_image, in_image / tiles_across_ * side_, in_image % tiles_across_ * side_};
}

void WinogradStep::transform_inputs(const RunContext& context, const Block& block) const noexcept {
  const Image& a = spec_.a;
  const std::byte* const base = context.at(a.buffer) + a.origin();
  std::array<const std::byte*, most_elements> pixels;
  WinogradInputCall call;
  call.pixels = pixels.data();
  call.v_stride = block.tiles * v_stride_;
  call.channels = a.channels;
  for (int t = 0; t < block.tiles; ++t) {
    const Place place = place_of(block.first_tile + t);
    const std::byte* const image = base + place.image * a.image_stride();
    std::size_t pixel = 0;
    const std::int64_t top = place.h * transforms_.stride - spec_.pad_top;
    const std::int64_t left = place.w * transforms_.stride - spec_.pad_left;
    for (std::int64_t h = top; h < top + tile_; ++h) {
      for (std::int64_t w = left; w < left + tile_; ++w, ++pixel) {
        const bool inside = h >= 0 && h < a.height && w >= 0 && w < a.width;
        pixels[pixel] = inside ? image + h * a.row_stride() + w * a.pixel_stride() : outside_.data();
      }
    }
    call.v = block.v + t * v_stride_;
    transforms_.input(call);
  }
}

/// The products of one element, of as many channels as the segment has: plain sums, [tiles][nr].
struct WinogradStep::Products {
  std::array<const std::byte*, most_block_tiles> rows;
  KSegment segment;
  BrgemmBlock block;

  Products(const Block& tiles, std::int64_t v_stride) noexcept {
    for (int t = 0; t < tiles.tiles; ++t) rows[static_cast<std::size_t>(t)] = tiles.v + t * v_stride;
    block.a_rows = rows.data();
    block.m = tiles.tiles;
    block.segments = &segment;
    block.segment_count = 1;
    block.last = false;
    block.accumulators = tiles.m;
  }
  Products(const Products&) = delete;  // the block points into it
  Products& operator=(const Products&) = delete;
};

void WinogradStep::multiply(const Block& block) const noexcept {
  Products products(block, v_stride_);
  products.segment.k = spec_.a.channels;
  BrgemmBlock& product = products.block;
  const std::int64_t panel_bytes = matrix_bytes_ / panels_;
  const auto first_panel_of = [&](int e) {
    return spec_.weights + transforms_.matrix(e) * matrix_bytes_ + block.first_panel * panel_bytes;
  };
  for (int e = 0; e < elements_; ++e) {
    products.segment.a_offset = e * block.tiles * v_stride_;
    product.b = first_panel_of(e);
    for (std::int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
      // Behind this member's panels lie those of another.
      const bool last = panel + 1 == block.last_panel;
      product.next = last && e + 1 < elements_ ? first_panel_of(e + 1) : nullptr;
      kernel_.run(product);
      product.b += panel_bytes;
      product.accumulators += block.tiles * tile_bytes();
    }
  }
}

/// One panel, with weights that are transformed on the way.
void WinogradStep::multiply_panel(const Block& block, std::int64_t panel) const noexcept {
  Products products(block, v_stride_);
  BrgemmBlock& product = products.block;
  WinogradTapsCall taps;
  taps.lanes = std::int64_t{kernel_.nr} * kernel_.k_group;
  taps.taps = spec_.weights + panel * spec_.a.channels * 9 * kernel_.nr;
  taps.transformed = block.weights;
  taps.stride = transformed_stride();
  const auto operand_bytes = static_cast<std::int64_t>(size_of(transforms_.operand));
  for (std::int64_t channel = 0; channel < spec_.a.channels; channel += channels_at_once_) {
    const std::int64_t channels = std::min(channels_at_once_, spec_.a.channels - channel);
    taps.groups = channels / kernel_.k_group;
    transforms_.taps(taps);
    taps.taps += channels * 9 * kernel_.nr;
    products.segment.k = channels;
    product.first = channel == 0;
    product.accumulators = block.m;
    for (int e = 0; e < elements_; ++e, product.accumulators += block.tiles * tile_bytes()) {
      products.segment.a_offset = e * block.tiles * v_stride_ + channel * operand_bytes;
      product.b = block.weights + transforms_.matrix(e) * taps.stride;
      kernel_.run(product);
    }
  }
}

void WinogradStep::transform_outputs(const Block& block, std::int64_t panel, Range tiles) const noexcept {
  const std::int64_t panel_bytes = block.tiles * tile_bytes();
  WinogradOutputCall call;
  call.m_stride = std::min(panels_at_once(), block.last_panel - block.first_panel) * panel_bytes;
  call.sums_stride = tile_bytes();
  call.channels = kernel_.nr;
  call.sums = block.sums;
  for (std::int64_t t = tiles.first; t < tiles.last; ++t, call.sums += side_ * side_ * tile_bytes()) {
    call.m = block.m + (panel - block.first_panel) % panels_at_once() * panel_bytes + t * tile_bytes();
    transforms_.output(call);
  }
}

void WinogradStep::locate_outputs(const RunContext& context, const Block& block, Outputs& outputs) const noexcept {
  const Image& c = spec_.c;
  const Image& r = spec_.residual;
  const auto pixel_of = [&](const Image& image, const Place& place) {
    return context.at(image.buffer) + image.row_offset(place.image, place.h) + place.w * image.pixel_stride();
  };
  std::size_t pixel = 0;
  for (int t = 0; t < block.tiles; ++t) {
    const Place first = place_of(block.first_tile + t);
    for (int i = 0; i < side_ * side_; ++i, ++pixel) {
      const Place place{first.image, first.h + i / side_, first.w + i % side_};
      const bool inside = place.h < c.height && place.w < c.width;
      outputs.c[pixel] = inside ? pixel_of(c, place) : block.nowhere;
      if (r.buffer != no_buffer) outputs.residual[pixel] = pixel_of(r, inside ? place : first);
    }
  }
}

/// The sums of a panel become pixels of C through the kernel's own epilogue: a last K block without anything to add.
void WinogradStep::finish(const Block& block, const Outputs& outputs, std::int64_t panel) const noexcept {
  Epilogue epilogue = spec_.epilogue;
  BrgemmBlock rest;
  rest.accumulators = block.sums;
  rest.first = false;
  rest.epilogue = &epilogue;
  rest.b = block.sums;  // nothing is read of it
  rest.n0 = static_cast<int>(panel * kernel_.nr);
  rest.n = static_cast<int>(std::min<std::int64_t>(kernel_.nr, spec_.c.channels - rest.n0));
  const int tiles_at_once = finished_pixels / (side_ * side_);
  for (int first = 0; first < block.tiles; first += tiles_at_once) {
    const Range tiles{first, std::min(first + tiles_at_once, block.tiles)};
    const std::int64_t first_pixel = tiles.first * side_ * side_;
    transform_outputs(block, panel, tiles);
    rest.m = static_cast<int>((tiles.last - tiles.first) * side_ * side_);
    rest.c_rows = outputs.c.data() + first_pixel;
    if (spec_.residual.buffer != no_buffer) epilogue.residual_rows = outputs.residual.data() + first_pixel;
    kernel_.run(rest);
  }
}

/// The cheapest division of tiles x panels: members with different panels of the same tiles transform the same input,
/// members with different tiles read the same weights.
GridSplit WinogradStep::split_among(int members) const noexcept {
  const std::int64_t total = spec_.c.count * tiles_down_ * tiles_across_, channels = spec_.a.channels;
  GridSplit best;
  std::int64_t least = INT64_MAX;
  for (int row_parts = members; row_parts >= 1; --row_parts) {
    if (members % row_parts != 0) continue;
    const int panel_parts = members / row_parts;
    const std::int64_t tiles = (total + row_parts - 1) / row_parts;
    const std::int64_t columns = (panels_ + panel_parts - 1) / panel_parts * kernel_.nr;
    const std::int64_t cost =
        tiles * (columns * (channels + output_cost) + input_cost * channels) + weight_cost * columns * channels;
    if (cost >= least) continue;
    least = cost;
    best = {row_parts, panel_parts};
  }
  return best;
}

void WinogradStep::run(const RunContext& context) const noexcept {
  fill_halo(spec_.c, spec_.fill, context);
  const std::int64_t total = spec_.c.count * tiles_down_ * tiles_across_;
  const GridSplit split = split_among(context.members);
  const Range tiles = share(total, context.member % split.row_parts, split.row_parts);
  const Range panels = share(panels_, context.member / split.row_parts, split.panel_parts);
  // Blocks of equal size rather than full ones and a crumb.
  const std::int64_t count = tiles.last - tiles.first;
  const auto blocks = static_cast<int>((count + block_tiles_ - 1) / block_tiles_);
  for (int i = 0; i < blocks; ++i) {
    const Range range = share(count, i, blocks);
    Block block;
    block.first_tile = tiles.first + range.first;
    block.tiles = static_cast<int>(range.last - range.first);
    block.first_panel = panels.first;
    block.last_panel = panels.last;
    block.weights = context.scratch;
    block.v = block.weights + weight_bytes();
    block.m = block.v + elements_ * block.tiles * v_stride_;
    block.sums = block.v + block_bytes(block.tiles);
    block.nowhere = block.sums + finished_pixels * tile_bytes();
    transform_inputs(context, block);
    Outputs outputs;
    locate_outputs(context, block, outputs);
    if (!spec_.transforms_weights) multiply(block);
    for (std::int64_t panel = block.first_panel; panel < block.last_panel; ++panel) {
      if (spec_.transforms_weights) multiply_panel(block, panel);
      finish(block, outputs, panel);
    }
  }
}

}  // namespace tessera
