#include "run/steps/placed_copy_step.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tessera {
namespace {

/// Rows whose pieces are shorter than this, in elements, are copied element by element.
constexpr std::int64_t shortest_piece = 4;

/// Whether the axis takes all elements in their order, `width` bytes each, on both sides.
bool is_one_piece(const PlacedCopySpec::Axis& axis, std::int64_t width) {
  if (axis.to != width) return false;
  for (std::size_t i = 0; i < axis.from.size(); ++i)
    if (axis.from[i] != static_cast<std::int64_t>(i) * width) return false;
  return true;
}

}  // namespace

PlacedCopyStep::PlacedCopyStep(PlacedCopySpec spec) : spec_(std::move(spec)), bytes_(spec_.width) {
  std::ranges::stable_sort(spec_.axes, [](const Axis& a, const Axis& b) { return a.to > b.to; });
  while (!spec_.axes.empty() && is_one_piece(spec_.axes.back(), bytes_)) {
    bytes_ *= static_cast<std::int64_t>(spec_.axes.back().from.size());
    spec_.axes.pop_back();
  }
  value_is_one_byte_ = std::all_of(spec_.value.begin(), spec_.value.begin() + spec_.width,
                                   [&](std::byte b) { return b == spec_.value[0]; });
  Axis along{{0}, bytes_};
  if (!spec_.axes.empty()) {
    along = std::move(spec_.axes.back());
    spec_.axes.pop_back();
  }
  for (const Axis& axis : spec_.axes) rows_ *= static_cast<std::int64_t>(axis.from.size());
  cut_into_pieces(along);
  const auto places = static_cast<std::int64_t>(along.from.size());
  if (bytes_ != spec_.width || static_cast<std::int64_t>(pieces_.size()) * shortest_piece <= places) return;
  pieces_.clear();
  elements_ = along.from;
  step_ = along.to;
}

void PlacedCopyStep::cut_into_pieces(const Axis& along) {
  for (std::size_t i = 0; i < along.from.size(); ++i) {
    const std::int64_t from = along.from[i], to = static_cast<std::int64_t>(i) * along.to;
    if (!pieces_.empty() && along.to == bytes_) {
      Piece& last = pieces_.back();
      const bool both_outside = from == PlacedCopySpec::outside && last.from == PlacedCopySpec::outside;
      if (both_outside || (last.from != PlacedCopySpec::outside && from == last.from + last.bytes)) {
        last.bytes += bytes_;
        continue;
      }
    }
    pieces_.push_back({from, to, bytes_});
  }
}

PlacedCopyStep::Row PlacedCopyStep::row_at(std::int64_t index) const noexcept {
  Row row{spec_.from_base, spec_.to_base};
  for (std::size_t i = spec_.axes.size(); i-- > 0;) {
    const Axis& axis = spec_.axes[i];
    const auto extent = static_cast<std::int64_t>(axis.from.size());
    const std::int64_t place = index % extent;
    index /= extent;
    const std::int64_t from = axis.from[static_cast<std::size_t>(place)];
    row.outside |= from == PlacedCopySpec::outside;
    row.from += from;
    row.to += place * axis.to;
  }
  return row;
}

void PlacedCopyStep::put_value(std::byte* target, std::int64_t bytes) const noexcept {
  if (value_is_one_byte_) {
    std::memset(target, static_cast<int>(spec_.value[0]), static_cast<std::size_t>(bytes));
    return;
  }
  for (std::int64_t at = 0; at < bytes; at += spec_.width)
    std::memcpy(target + at, spec_.value.data(), static_cast<std::size_t>(spec_.width));
}

void PlacedCopyStep::copy_pieces(const RunContext& context, const Row& row, Range pieces) const noexcept {
  for (std::int64_t i = pieces.first; i < pieces.last; ++i) {
    const Piece& piece = pieces_[static_cast<std::size_t>(i)];
    std::byte* const target = context.at(spec_.to) + row.to + piece.to;
    if (row.outside || piece.from == PlacedCopySpec::outside)
      put_value(target, piece.bytes);
    else
      std::memcpy(target, context.at(spec_.from) + row.from + piece.from, static_cast<std::size_t>(piece.bytes));
  }
}

template <typename Element>
void PlacedCopyStep::copy_elements(const RunContext& context, const Row& row, Range places) const noexcept {
  const std::byte* const source = context.at(spec_.from) + row.from;
  std::byte* const target = context.at(spec_.to) + row.to;
  for (std::int64_t i = places.first; i < places.last; ++i) {
    const std::int64_t from = elements_[static_cast<std::size_t>(i)];
    const bool outside = row.outside || from == PlacedCopySpec::outside;
    std::memcpy(target + i * step_, outside ? spec_.value.data() : source + from, sizeof(Element));
  }
}

void PlacedCopyStep::run(const RunContext& context) const noexcept {
  if (spec_.y.buffer != no_buffer) fill_halo(spec_.y, spec_.fill, context);
  const auto count = static_cast<std::int64_t>(pieces_.empty() ? elements_.size() : pieces_.size());
  const Range all = share(rows_ * count, context.member, context.members);
  for (std::int64_t unit = all.first; unit < all.last;) {
    const std::int64_t first = unit % count;
    const Range part{first, std::min(count, first + all.last - unit)};
    const Row row = row_at(unit / count);
    unit += part.last - part.first;
    if (!pieces_.empty()) {
      copy_pieces(context, row, part);
      continue;
    }
    switch (spec_.width) {
      case 1: copy_elements<std::uint8_t>(context, row, part); break;
      case 2: copy_elements<std::uint16_t>(context, row, part); break;
      case 4: copy_elements<std::uint32_t>(context, row, part); break;
      default: copy_elements<std::uint64_t>(context, row, part); break;
    }
  }
}

}  // namespace tessera
