// Dynamic quantization: INT8 linear layers without calibration data. Weights become s8 now; what they multiply becomes
// u8 row by row, when the model runs.
#pragma once

#include "graph/graph.hpp"

namespace tessera {

/// Makes the f32 weights of every FusedMatMul in a fused graph s8, one scale per output channel. Its X stays float,
/// which tells the plan to quantize the rows of X. Layers that are quantized already keep their weights; those of a
/// file that quantizes X as a whole go by rows, too.
void quantize_linear_weights(Graph& graph);

}  // namespace tessera
