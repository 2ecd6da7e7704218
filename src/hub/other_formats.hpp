// Weights in formats that are not read, and how to turn them into one that is.
#pragma once

#include <string>

namespace tessera {

/// Error{invalid} for a folder without .safetensors files: says what it holds instead and how to convert that.
[[noreturn]] void reject_other_weights(const std::string& folder);

/// Whether a file name is one of a format that other frameworks keep weights in; and the error for it.
bool is_other_weights(const std::string& file);
[[noreturn]] void reject_other_file(const std::string& file);

}  // namespace tessera
