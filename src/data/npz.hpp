// .npz: a ZIP archive of .npy files.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "tessera/tensor.hpp"

namespace tessera {

/// The arrays of an archive by name (without ".npy"). Of those that are not wanted only the name is there, with an
/// empty tensor: they are not inflated. Error{invalid} naming the file for what read_npy() refuses and for broken
/// archives.
std::map<std::string, Tensor> read_npz(const std::string& path,
                                       const std::function<bool(const std::string& name)>& wanted = {});

}  // namespace tessera
