// How encoders tell where a token stands.
#pragma once

#include <cstdint>

#include "models/layer_writer.hpp"

namespace tessera {

/// [0, 1, ... seq - 1], cut from a stored list of `most`: [1, seq].
ValueId positions_in_sequence(LayerWriter& write, ValueId ids, std::int64_t most);

/// padding + 1, padding + 2 ... for the tokens that are no padding, `padding` for the others: [batch, seq] (RoBERTa).
ValueId positions_among_tokens(LayerWriter& write, ValueId ids, std::int64_t padding);

/// A learnt bias for each head and each bucket of distances between query and key: [1, heads, seq, seq] (T5, MPNet).
ValueId bias_by_distance(LayerWriter& write, ValueId ids, std::int64_t most, std::int64_t buckets, std::int64_t heads);

}  // namespace tessera
