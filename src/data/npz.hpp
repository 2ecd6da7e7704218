// .npz: a ZIP archive of .npy files.
#pragma once

#include <map>
#include <string>

#include "tessera/tensor.hpp"

namespace tessera {

/// The arrays of an archive by name (without ".npy"). Error{invalid} naming the file for what read_npy() refuses and
/// for broken archives.
std::map<std::string, Tensor> read_npz(const std::string& path);

}  // namespace tessera
