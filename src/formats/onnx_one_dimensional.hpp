// Convolutions and pools over vectors [batch, channels, length], as ONNX files write them for sound and text.
#pragma once

#include "graph/graph.hpp"

namespace tessera {

/// Puts in the place of each 1-D Conv, MaxPool and AveragePool its 2-D form over an image of one row, between Unsqueeze
/// and Squeeze: the kernels are those of images.
void expand_one_dimensional(Graph& graph);

}  // namespace tessera
