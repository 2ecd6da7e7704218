// QuantizeLinear/DequantizeLinear pairs around the operands of the two products inside an attention.
#pragma once

#include "quantize/layers.hpp"
#include "quantize/ranges.hpp"

namespace tessera {

/// Q and K are u8 with the range that was observed where they are made, V is symmetric around 128, the probabilities
/// are u8 with scale 1/255. An attention that does not look as fuse_attention wants it stays as it is.
void insert_attention_qdq(Graph& graph, const QuantizableLayer::Attention& attention, const RangeObserver& ranges,
                          AttentionProducts products);

}  // namespace tessera
