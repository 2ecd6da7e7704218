// Whether writing one file would cost another one that is read.
#pragma once

#include <span>
#include <string>

namespace tessera {

/// Error{invalid} naming both when `output` is one of the inputs, or a file somewhere inside one that is a folder: the
/// same device and inode, so that links and other spellings of the path count too. Nothing where `output` does not
/// exist.
void refuse_to_overwrite(const std::string& output, std::span<const std::string> inputs);

}  // namespace tessera
