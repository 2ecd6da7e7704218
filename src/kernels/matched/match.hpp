// Which groups of weights a column multiplies together where bytes are multiplied by vpmaddubsw (multiply.hpp).
//
// vpmaddubsw adds two products of u8 and s8 in 16 bits, and two such sums are added before anything is widened: four
// products, which fit whatever the u8 are if the positive weights among the four are together at most 128 and the
// negative ones at least -128. Neighbouring groups of a column often exceed that; but which two groups meet is free.
// So each column matches its own: a group waits until one comes that it fits. Of groups that exceed the limit alone,
// one weight of each pair becomes a group of its own. Nothing is clipped, nothing saturates, and the sums are exact.
#pragma once

#include "kernels/vector_kernels.hpp"

namespace tessera::matched {

constexpr int group_k = 4;  ///< weights of a group

/// The groups of one column, at most 65536, matched in twos; `weights` are group_k * groups in the order of k. Groups
/// of zeros are left out. Returns their number, at most 2 * groups; `to` has room for one more.
int match_column(const std::int8_t* weights, int groups, MatchedGroups* to);

}  // namespace tessera::matched
