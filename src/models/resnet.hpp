// ResNet-50 v1.5 (He et al., "Deep Residual Learning for Image Recognition"; v1.5 has the stride in the 3x3
// convolution).
#pragma once

#include <cstdint>

#include "graph/graph.hpp"

namespace tessera {

/// input [batch, 3, 224, 224] -> logits [batch, 1000], in the nodes and with the weight names that PyTorch exports
/// (BatchNormalization kept). Seeded synthetic weights: He initialisation, batch statistics measured on synthetic
/// images, so that activations stay in the range of a trained network. The same seed gives the same bits everywhere.
Graph build_resnet50(std::uint64_t seed);

}  // namespace tessera
