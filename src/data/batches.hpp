// A data set as the batches that SessionOptions::calibration takes.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.hpp"

namespace tessera {

/// What sessions calibrate on at most: all of it is held in memory, and a few hundred items show the ranges that
/// activations have.
inline constexpr std::int64_t most_calibration_items = 256;

/// Items in batches of `batch`, or of what the model fixes: all of them, or `most`, spread evenly, since folders of
/// classes begin with items of one class. The last batch may be smaller unless the model fixes its batch, where an
/// incomplete one is left out. Error{invalid} for fewer items than the model's batch.
std::vector<TensorMap> read_batches(const Dataset& dataset, const std::vector<TensorInfo>& inputs, std::int64_t batch,
                                    std::int64_t most);

}  // namespace tessera
