// Plans of small graphs, made and run in every way that must not change a bit.
#pragma once

#include <vector>

#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "tessera/isa.hpp"
#include "tessera/tensor.hpp"

namespace tessera::fuzzing {

/// Three items and few of everything else, for every symbol in the inputs.
std::vector<Binding> small_extents(const Graph& graph);

/// Whether a run takes moments: the sizes of all values, and about the work of all nodes. Shapes are bound.
bool is_small(const Graph& bound);

/// The tiers that this CPU has, avx2 first.
const std::vector<Isa>& tiers_here();

/// The outputs of a graph, whose shapes are symbolic, on one thread; with `apart`, the items of a batch go through one
/// by one where nothing in the graph forbids it.
std::vector<Tensor> run_plan(const Graph& graph, const std::vector<Binding>& extents, const std::vector<Tensor>& inputs,
                             Isa isa, bool apart);

/// Ends the program unless both hold the same bits. Every NaN is like any other: IEEE 754 does not say which one a sum
/// of two becomes.
void require_same(const std::vector<Tensor>& some, const std::vector<Tensor>& others);

void require(bool holds);

}  // namespace tessera::fuzzing
