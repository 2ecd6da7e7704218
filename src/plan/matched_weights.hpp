// Weights as MatchedStep multiplies them: a list for each column, of groups of 4 k that are matched in twos
// (kernels/matched/match.hpp).
#pragma once

#include "plan/gemm_weights.hpp"
#include "plan/weight_store.hpp"

namespace tessera {

/// How k is cut. Segments follow each other in whole groups; blocks of groups are multiplied one after the other.
struct MatchedK {
  std::int64_t groups = 0;
  int blocks = 1;

  explicit MatchedK(const GemmWeights& weights) noexcept;
  /// The groups of a block.
  [[nodiscard]] Range block(int number) const noexcept { return share(groups, number, blocks); }
};

/// The lists of all columns, in the memory that matched_weights() gives.
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

/// The lists of `elements`, which lie as the constant of the weights has them; of one group and without zero points.
AlignedBuffer match_weights(const GemmWeights& weights, const std::byte* elements);
/// The same through the builder's weight store.
PackedWeight matched_weights(Builder& builder, const GemmWeights& weights);

/// How much more than k weights the lists of a sample of columns hold: 1 where every group finds another.
double matched_excess(const GemmWeights& weights);

}  // namespace tessera
