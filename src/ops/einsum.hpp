// An Einsum of two operands as a batch of matrix products.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "graph/graph.hpp"

namespace tessera {

/// Which labels of the equation play which part. An axis of an ellipsis has a digit for a label.
struct EinsumProduct {
  std::array<std::string, 2> operands;  ///< the labels of the axes of both, as the node has them
  std::string result;
  std::string items;    ///< in both operands and the result, in the order of the result
  std::string rows;     ///< in the first operand and the result; likewise
  std::string columns;  ///< in the second operand and the result; likewise
  std::string depth;    ///< in both operands alone, in the order of the first: summed over
};

/// Nothing where the node has another number of operands, a label twice in one term, or one that is summed over in a
/// single operand.
std::optional<EinsumProduct> einsum_product_of(const Node& node, std::array<std::size_t, 2> ranks);

}  // namespace tessera
