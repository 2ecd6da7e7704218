// A data set as the source of items that calibration, scoring and comparison read from, one at a time.
#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.hpp"
#include "tessera/quantization.hpp"

namespace tessera {

/// At most `most` samples (0: all), spread evenly: the first ones of a folder of classes are all of one class. Each
/// item holds `batch` of them; samples that do not fill an item are left out. `data` must outlive the source.
/// Error{invalid} naming `path` for fewer samples than one item takes.
ItemSource items_of(const Dataset& data, const std::string& path, std::int64_t most, std::int64_t batch);

}  // namespace tessera
