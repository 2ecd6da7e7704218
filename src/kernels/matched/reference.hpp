// Products of bytes by lists of groups in plain loops: what the kernels are tested against. Sums wrap like theirs.
#pragma once

#include "core/elements.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera::matched {

inline void reference_interleave(const InterleaveCall& call) {
  const std::int64_t rows = std::int64_t{call.vectors} * 8, groups = (call.groups + 7) / 8 * 8;
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t i = 0; i < 4; ++i)
        call.y[(group * rows + row) * 4 + i] = call.rows[row][call.offset + group * 4 + i];
}

inline void reference_multiply(const MatchedCall& call) {
  const std::int64_t rows = std::int64_t{call.vectors} * 8;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < matched_columns; ++column) {
      const std::int64_t at = row * matched_columns + column;
      auto sum = call.first ? 0U : element<std::uint32_t>(call.sums, at);
      for (std::uint32_t list = call.starts[column]; list < call.starts[column + 1]; ++list) {
        const MatchedGroups& groups = call.groups[list];
        for (int half = 0; half < 2; ++half)
          for (int i = 0; i < 4; ++i)
            sum += static_cast<std::uint32_t>(
                static_cast<int>(element<std::uint8_t>(call.a, (groups.group[half] * rows + row) * 4 + i)) *
                groups.weights[half][i]);
      }
      set_element(call.sums, at, sum);
    }
  }
}

constexpr MatchedBytes reference = {reference_interleave, reference_multiply};

}  // namespace tessera::matched
