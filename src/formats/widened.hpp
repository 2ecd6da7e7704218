// Weights stored in 16 bits, read as f32. They stay in their file and are widened each time somebody reads them.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "formats/stored_tensor.hpp"

namespace tessera {

/// map_stored() for weights of a network: f32 whatever floating-point type the file has. Error{invalid} naming `what`
/// for integers.
Tensor map_as_f32(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                  const std::shared_ptr<const MappedFile>& file, const std::string& what);

}  // namespace tessera
