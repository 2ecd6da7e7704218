// PlacedCopyStep: every element of the result comes from the place that lists name, one for each axis, or is a value
// given for those without a place: Pad, Resize by the nearest element, Gather of known indices. Members share the rows
// of the slowest axes, and where these are few, parts of rows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "run/image.hpp"

namespace tessera {

struct PlacedCopySpec {
  static constexpr std::int64_t outside = -1;
  struct Axis {
    std::vector<std::int64_t> from;  ///< bytes into the source, for each place in the result; or `outside`
    std::int64_t to = 0;             ///< bytes from one place in the result to the next
  };
  BufferId from = no_buffer, to = no_buffer;
  std::int64_t from_base = 0, to_base = 0;  ///< bytes to the first element
  std::int64_t width = 4;                   ///< bytes of an element: 1, 2, 4 or 8
  std::vector<Axis> axes;                   ///< in any order
  std::array<std::byte, 8> value{};         ///< what stands where an axis has no place: one element
  Image y;                                  ///< whose border is filled; buffer == no_buffer: none
  std::uint8_t fill = 0;
};

class PlacedCopyStep final : public Step {
 public:
  explicit PlacedCopyStep(PlacedCopySpec spec);

  void run(const RunContext& context) const noexcept override;

 private:
  using Axis = PlacedCopySpec::Axis;
  /// What lies together in the result, and in the source or nowhere there.
  struct Piece {
    std::int64_t from = 0, to = 0, bytes = 0;
  };
  /// Where a row starts.
  struct Row {
    std::int64_t from = 0, to = 0;
    bool outside = false;
  };

  void cut_into_pieces(const Axis& along);
  [[nodiscard]] Row row_at(std::int64_t index) const noexcept;
  void put_value(std::byte* target, std::int64_t bytes) const noexcept;
  void copy_pieces(const RunContext& context, const Row& row, Range pieces) const noexcept;
  template <typename Element>
  void copy_elements(const RunContext& context, const Row& row, Range places) const noexcept;

  PlacedCopySpec spec_;  ///< its axes: those that rows are counted along
  std::int64_t rows_ = 1;
  std::vector<Piece> pieces_;           ///< of each row; empty: single elements
  std::vector<std::int64_t> elements_;  ///< bytes into the source, for each place of a row
  std::int64_t step_ = 0;               ///< bytes from one element of a row to the next, in the result
  std::int64_t bytes_ = 0;              ///< of what is copied as a whole
  bool value_is_one_byte_ = false;      ///< repeated
};

}  // namespace tessera
