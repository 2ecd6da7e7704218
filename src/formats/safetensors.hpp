// The safetensors format: an 8-byte length, a JSON header, and the elements of all tensors in one block.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "core/tensor.hpp"

namespace tessera {

/// Tensors by name, sharing the mapped file where alignment allows. Error{invalid} naming the file and the tensor.
std::map<std::string, Tensor> read_safetensors(const std::string& path);

/// The same from memory that `owner` keeps alive (null: tensors are copies); `origin` stands for the file in messages.
std::map<std::string, Tensor> parse_safetensors(std::span<const std::byte> bytes,
                                                const std::shared_ptr<const void>& owner, const std::string& origin);

}  // namespace tessera
