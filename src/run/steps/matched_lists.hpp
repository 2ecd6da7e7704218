// Weights as MatchedStep reads them: a list for each column, of groups of 4 k that are matched in twos
// (kernels/matched/match.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/memory.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/step.hpp"

namespace tessera {

/// How k is cut. Segments follow each other in whole groups; blocks of groups are multiplied one after the other.
struct MatchedK {
  std::int64_t groups = 0;
  int blocks = 1;

  /// The groups of a block.
  [[nodiscard]] Range block(int number) const noexcept { return share(groups, number, blocks); }
};

/// Where the groups start behind so many places for starts.
std::size_t matched_groups_offset(std::int64_t panels, int blocks) noexcept;

/// The lists of all columns: starts, and from matched_groups_offset() on the groups.
class MatchedLists {
 public:
  /// Of so many panels and blocks.
  MatchedLists(const AlignedBuffer& packed, std::int64_t panels, int blocks) noexcept;

  /// Where the columns of a panel start in a block of k: MatchedCall::starts.
  [[nodiscard]] const std::uint32_t* starts(std::int64_t panel, int block) const noexcept {
    return starts_ + (panel * blocks_ + block) * matched_columns;
  }
  [[nodiscard]] const MatchedGroups* groups() const noexcept { return groups_; }

 private:
  const std::uint32_t* starts_;
  const MatchedGroups* groups_;
  int blocks_;
};

}  // namespace tessera
