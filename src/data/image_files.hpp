// Finds the image files of a folder.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tessera {

struct ImageFiles {
  std::vector<std::string> images;  ///< sorted by name, folder by folder
  std::size_t others = 0;           ///< files that are no images; hidden ones and .json, .txt, .tsv, .csv do not count
  std::string example;              ///< one of them
};

/// PNG and JPEG files in `folder` and the folders in it. A file called .png or .jpg is taken for one whatever it holds:
/// if it is damaged, whoever reads it shall hear of it. Error{invalid} for a folder that cannot be read.
ImageFiles find_image_files(const std::string& folder);

}  // namespace tessera
