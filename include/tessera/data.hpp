// Real data as the inputs of a model: images, texts and arrays from files. Part of tessera::data.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tessera/export.h"
#include "tessera/tessera.hpp"

namespace tessera {

/// Which items of the data, and of which form.
struct DataOptions {
  /// Symbolic extents to be fixed, e.g. {"seq", 128}: texts are cut or padded to that. Missing ones stay as long as the
  /// text is; "batch": samples in an item.
  std::map<std::string, std::int64_t> extents = {};
  std::int64_t most = 0;  ///< samples at most, spread evenly over all; 0: all
};

/// The items of `path`: a folder of images (or of one folder per class), a text file (one text per line, or label TAB
/// text), an .npz or .npy file, or a folder of those. Items are read when they are asked for; labels are given where
/// there are some. `model_path` is what the model was loaded from: preprocessor_config.json (images), vocab.txt and
/// tokenizer_config.json (texts) are looked for beside it, and beside the data. Error{invalid} naming what is wrong and
/// what to give instead.
TESSERA_API ItemSource read_items(const std::string& path, const Model& model, const std::string& model_path,
                                  const DataOptions& options = {});

}  // namespace tessera
