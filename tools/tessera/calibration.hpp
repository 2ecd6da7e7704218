// --calibration of the subcommands that run int8, read into batches, and --data of compare: images, texts or arrays.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "data/dataset.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {

inline constexpr const char* calibration_help =
    "for int8: a folder of images, a text file, .npz or .npy or a folder of them [required, except for built-in models "
    "and int8 files; "
    "'synthetic' insists on seeded random data]";

/// Whether --calibration asks for seeded random data.
bool is_synthetic(const std::string& path);

/// Nothing for an empty path and for "synthetic". `model_path` is what the model was loaded from: files that describe
/// its preprocessing stand beside it. Notes about the data go to standard error.
std::vector<TensorMap> read_calibration(const std::string& path, const std::string& model_path, const Model& model,
                                        std::int64_t batch, const Context& context);

/// The same at the extents that the model is compiled for: texts are padded or cut to the sequence, so that the batches
/// can also be run.
std::vector<TensorMap> read_calibration_at(const std::map<std::string, std::int64_t>& extents, const std::string& path,
                                           const std::string& model_path, const Model& model, std::int64_t batch,
                                           const Context& context);

/// Real data at those extents, to be read item by item; nothing for an empty path.
std::unique_ptr<Dataset> open_data_at(const std::map<std::string, std::int64_t>& extents, const std::string& path,
                                      const std::string& model_path, const Model& model, const Context& context);

}  // namespace tessera::tool
