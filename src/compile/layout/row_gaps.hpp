// Gaps between rows that kernels with tiles read. A tile load reads 16 rows at the same place; where rows lie an even
// number of cache lines apart, these lines share half of the L1 and L2 sets or less, and a load takes longer. So such
// rows get one cache line more. Tiers without tiles read rows one after the other: their buffers stay dense.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/isa.hpp"

namespace tessera {

/// Bytes behind each row of a value, so that rows lie an odd number of cache lines apart; 0: dense.
struct RowGaps {
  std::vector<std::int64_t> pixels;  ///< by value: where it is an image, between pixels
  std::vector<std::int64_t> rows;    ///< by value: where it is not, between rows of the last axis
};

/// The gaps of a graph whose shapes are concrete: where a product with tiles reads a value, and everything else that
/// writes or reads it takes rows at any distance.
RowGaps row_gaps(const Graph& graph, Isa isa);

/// The gap behind rows of that many bytes: a cache line where they are an even number of whole lines, else none.
std::int64_t gap_behind(std::int64_t row_bytes) noexcept;

}  // namespace tessera
