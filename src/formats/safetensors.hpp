// The safetensors format: an 8-byte length, a JSON header, and the elements of all tensors in one block.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "formats/stored_tensor.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Where a tensor lies in its file, and as what.
struct SafetensorsEntry {
  StoredType type;
  Shape shape;
  std::span<const std::byte> bytes;
};

/// What a file holds, by name, without reading any of it; `bytes` is the whole file. Error{invalid} naming the file and
/// the tensor.
std::map<std::string, SafetensorsEntry> list_safetensors(std::span<const std::byte> bytes, const std::string& origin);

/// Tensors by name, sharing the mapped file where alignment allows. Error{invalid} naming the file and the tensor.
std::map<std::string, Tensor> read_safetensors(const std::string& path);

/// The same from memory that `owner` keeps alive (null: tensors are copies); `origin` stands for the file in messages.
std::map<std::string, Tensor> parse_safetensors(std::span<const std::byte> bytes,
                                                const std::shared_ptr<const void>& owner, const std::string& origin);

}  // namespace tessera
