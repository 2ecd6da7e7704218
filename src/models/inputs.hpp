// Synthetic inputs in the range models expect: images with structure at several scales, token sequences as a tokenizer
// makes them. For timing and for comparing precisions where no data is given.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// [batch, channels, height, width]: noise at scales of 32, 8, 4 and 1 pixels, mean about 0 and variance about 1, as
/// images have after normalisation. Neighbouring pixels are correlated, as in photographs; white noise would not be.
Tensor image_noise(const Shape& shape, std::uint64_t seed);

/// One batch of token sequences, each [batch, sequence] i64: [CLS] words [SEP] words [SEP]; every odd row is padded
/// from three fifths of its length on.
struct TokenBatch {
  Tensor ids, mask, types;
};
TokenBatch token_batch(std::int64_t batch, std::int64_t sequence, std::int64_t vocabulary, std::uint64_t seed);

/// An input for every graph input, in order, chosen by type, rank and name (images, ids, masks ...); ids stay below the
/// rows of the tables they select from. Error{invalid} naming the input whose shape is not concrete.
std::vector<Tensor> random_inputs(const Graph& graph, std::uint64_t seed);

}  // namespace tessera
