#include "compile/product/matched_weights.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/deferred_tensor.hpp"
#include "kernels/matched/match.hpp"

namespace tessera {
namespace {

/// Of a block: the interleaved bytes of a tile of rows stay in L1.
constexpr std::int64_t most_block_groups = 128;

/// Columns that a choice looks at.
constexpr std::int64_t most_samples = 8;

std::int64_t groups_in(std::int64_t k) noexcept {
  return (k + matched::group_k - 1) / matched::group_k;
}

/// Columns of weights, one after the other, each in the order of the segments and padded to whole groups.
class Columns {
 public:
  Columns(const GemmWeights& weights, const std::byte* elements)
      : weights_(weights),
        elements_(reinterpret_cast<const std::int8_t*>(elements)),
        k_(total_k(weights)),
        in_order_(static_cast<std::size_t>(k_)),
        column_(static_cast<std::size_t>(matched::group_k * matched_k(weights).groups)) {}

  std::span<const std::int8_t> read(std::int64_t n) noexcept {
    in_order(n);
    const std::int8_t* from = in_order_.data();
    std::int8_t* to = column_.data();
    for (const std::int64_t k : weights_.segment_k) {
      std::copy_n(from, k, to);
      from += k;
      to += groups_in(k) * matched::group_k;
    }
    return column_;
  }

 private:
  /// The column in the order of k: taps, which lie innermost in the constant, are outermost there.
  void in_order(std::int64_t n) noexcept {
    std::int8_t* to = in_order_.data();
    if (weights_.columns_innermost) {
      for (std::int64_t i = 0; i < k_; ++i) *to++ = elements_[i * weights_.columns + n];
      return;
    }
    const std::int8_t* const column = elements_ + n * k_;
    for (std::int64_t tap = 0; tap < weights_.taps; ++tap)
      for (std::int64_t i = tap; i < k_; i += weights_.taps) *to++ = column[i];
  }

  const GemmWeights& weights_;
  const std::int8_t* elements_;
  std::int64_t k_;
  std::vector<std::int8_t> in_order_, column_;
};

std::int64_t panels_of(const GemmWeights& weights) noexcept {
  return (weights.columns + matched_columns - 1) / matched_columns;
}

/// The lists of one block of one column; the length of what was written.
int match_block(std::span<const std::int8_t> column, Range block, MatchedGroups* to) {
  return matched::match_column(column.data() + block.first * matched::group_k,
                               static_cast<int>(block.last - block.first), to);
}

}  // namespace

MatchedK matched_k(const GemmWeights& weights) noexcept {
  MatchedK k;
  for (const std::int64_t segment : weights.segment_k) k.groups += groups_in(segment);
  k.blocks = std::max(1, static_cast<int>((k.groups + most_block_groups - 1) / most_block_groups));
  return k;
}

AlignedBuffer match_weights(const GemmWeights& weights, const std::byte* elements) {
  const MatchedK k = matched_k(weights);
  const std::int64_t panels = panels_of(weights);
  const std::size_t offset = matched_groups_offset(panels, k.blocks);
  // Room for what can be at most, of which only what is written becomes memory, and for a short time.
  const auto most = static_cast<std::size_t>(weights.columns * 2 * k.groups + 1);
  AlignedBuffer whole(offset + most * sizeof(MatchedGroups));
  auto* start = reinterpret_cast<std::uint32_t*>(whole.data());
  auto* const groups = reinterpret_cast<MatchedGroups*>(whole.data() + offset);
  std::uint32_t written = 0;
  Columns columns(weights, elements);
  const auto column_bytes = static_cast<std::size_t>(k.groups * matched::group_k);
  std::vector<std::int8_t> panel(matched_columns * column_bytes);
  for (std::int64_t first = 0; first < weights.columns; first += matched_columns) {
    std::ranges::fill(panel, std::int8_t{0});
    for (std::int64_t i = 0; i < std::min<std::int64_t>(matched_columns, weights.columns - first); ++i)
      std::ranges::copy(columns.read(first + i), panel.begin() + i * static_cast<std::int64_t>(column_bytes));
    for (int block = 0; block < k.blocks; ++block) {
      for (std::size_t i = 0; i < matched_columns; ++i) {
        *start++ = written;
        const int count = match_block({&panel[i * column_bytes], column_bytes}, k.block(block), groups + written);
        written += static_cast<std::uint32_t>(count);
      }
    }
  }
  *start = written;
  AlignedBuffer packed(offset + written * sizeof(MatchedGroups));
  std::memcpy(packed.data(), whole.data(), packed.size());
  return packed;
}

PackedWeight matched_weights(Builder& builder, const GemmWeights& weights) {
  const std::string form = "matched/" + std::to_string(weights.taps) + "/" + std::to_string(weights.segment_k.size()) +
                           (weights.columns_innermost ? "/kn" : "/nk");
  PackedWeight packed = builder.weights().get(
      weights.value->constant, form, [weights](const std::byte* elements) { return match_weights(weights, elements); });
  builder.keep(packed, true);
  return packed;
}

double matched_excess(const GemmWeights& weights) {
  const BorrowedElements borrowed = borrow(weights.value->constant);
  const MatchedK k = matched_k(weights);
  Columns columns(weights, borrowed.data);
  std::vector<MatchedGroups> list(static_cast<std::size_t>(2 * k.groups + 1));
  const std::int64_t samples = std::min(weights.columns, most_samples);
  double count = 0;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::span<const std::int8_t> column = columns.read(i * weights.columns / samples);
    for (int block = 0; block < k.blocks; ++block) count += match_block(column, k.block(block), list.data());
  }
  return samples > 0 && k.groups > 0 ? 2 * count / static_cast<double>(samples * k.groups) : 1;
}

}  // namespace tessera
