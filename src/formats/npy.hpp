// NumPy's array files: .npy, versions 1 to 3. Little-endian, C order.
#pragma once

#include <cstddef>
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

/// What of a file must be there to know how long its header is.
inline constexpr std::size_t npy_prefix_bytes = 12;
/// Of a file that begins so: where its data begin. Error{invalid} naming `origin`.
std::size_t npy_header_bytes(std::span<const std::byte> prefix, const std::string& origin);
/// Of a file with this header, complete: how long it has to be. Error{invalid} naming `origin`, also for a shape that
/// is larger than any memory.
std::size_t npy_file_bytes(std::span<const std::byte> header, const std::string& origin);

}  // namespace tessera
