// Gaps between rows that products read. A tile load reads 16 rows at the same place; where rows lie an even number of
// cache lines apart, these lines share half of the L1 and L2 sets or less, and a load takes longer. Kernels without
// tiles go down up to 14 rows at a time; where rows lie a multiple of 4096 bytes apart, as those of 1,024 floats do,
// all their lines share one set of L1, which has 8 to 12 places. Such rows get one cache line more.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/isa.hpp"

namespace tessera {

/// Bytes behind each row of a value, so that rows are spread over the sets of the caches; 0: dense.
struct RowGaps {
  std::vector<std::int64_t> pixels;  ///< by value: where it is an image, between pixels
  std::vector<std::int64_t> rows;    ///< by value: where it is not, between rows of the last axis
};

/// The gaps of a graph whose shapes are concrete: where a product reads a value, and everything else that writes or
/// reads it takes rows at any distance.
RowGaps row_gaps(const Graph& graph, Isa isa);

/// The gap behind rows of that many bytes that kernels of a tier multiply: a cache line, or none.
std::int64_t gap_behind(std::int64_t row_bytes, Isa isa) noexcept;

}  // namespace tessera
