// Random networks of the kinds that Tessera is for: what no test by hand thinks of comes from how layers meet.
#pragma once

#include <cstdint>

#include "graph/graph.hpp"
#include "tessera/tensor_map.hpp"

namespace tessera::testing {

/// A network in standard ONNX ops with symbolic batch, and what a test needs to feed it. The same seed gives the same
/// one.
struct RandomGraph {
  Graph graph;
  Shape item;  ///< the shape of its one input, "x", without the batch
};

/// Convolutions of all kinds with their activations, pools, sums, gates and joins, and a classifier behind some.
RandomGraph random_image_network(std::uint32_t seed);
/// Linear layers, attention, LayerNormalization and GELU as exporters write them.
RandomGraph random_encoder(std::uint32_t seed);

/// `items` items of normally distributed numbers; item i of a seed is the same whatever the number of items.
TensorMap random_items(const RandomGraph& network, std::int64_t items, std::uint32_t seed);

}  // namespace tessera::testing
