// Calibration data as people have it, .npz files, turned into the batches that Model::compile takes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"

namespace tessera {

/// The arrays split along their first axis (samples) into batches of `batch`. Names are those of the model's inputs;
/// other arrays are left out. The last batch may be smaller unless the model fixes its batch, where an incomplete one
/// is left out. Error{invalid} for a missing input, unequal sample counts or fewer samples than one batch.
std::vector<TensorMap> split_batches(const std::map<std::string, Tensor>& arrays, const std::vector<TensorInfo>& inputs,
                                     std::int64_t batch, const std::string& origin);

/// All batches of one .npz file, or of every .npz file in a folder in the order of their names.
std::vector<TensorMap> read_calibration(const std::string& path, const std::vector<TensorInfo>& inputs,
                                        std::int64_t batch);

}  // namespace tessera
