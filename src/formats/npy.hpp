// NumPy's array files: .npy (versions 1 to 3) and .npz. Little-endian, C order.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "tessera/tensor.hpp"

namespace tessera {

/// Types f4, f8 (narrowed to f32), i8, i4, i1, u1, b1. Error{invalid} naming the file for anything else and for broken
/// files.
Tensor read_npy(const std::string& path);
/// The same from memory; `origin` stands for the file in messages.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& origin);

/// The file appears complete or not at all. bf16, which NumPy has not, is written as f4.
void write_npy(const Tensor& tensor, const std::string& path);

/// The arrays of an archive by name (without ".npy").
std::map<std::string, Tensor> read_npz(const std::string& path);

}  // namespace tessera
