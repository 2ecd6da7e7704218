// What the file formats share: the element types that files hold, checked extents, and turning stored bytes into a
// Tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "formats/mapped_file.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// Little-endian element types of files; f16 and f64 become f32 in memory (f64 rounds to nearest), the rest keep their
/// type.
enum class StoredType : std::uint8_t { f32, f16, bf16, f64, s32, i64, u8, s8, boolean };

std::size_t size_of(StoredType type) noexcept;
DataType in_memory(StoredType type) noexcept;

/// The extents as a Shape whose byte count, at `element_size` bytes each, is known not to overflow. Error{invalid}
/// naming `what` for a negative extent, more than Shape::max_rank of them, or a tensor larger than any memory.
Shape checked_shape(std::span<const std::int64_t> extents, std::size_t element_size, const std::string& what);

/// Error{invalid} naming `what` unless `bytes` is as long as the elements take.
void check_stored_size(StoredType type, const Shape& shape, std::span<const std::byte> bytes, const std::string& what);

/// The tensor stored in `bytes`, which must hold exactly its elements. Where type and alignment allow, the tensor
/// shares the bytes and keeps `owner` alive; otherwise it is a copy.
Tensor load_stored(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                   const std::shared_ptr<const void>& owner, const std::string& what);

/// The same for bytes of a mapped file. Large tensors stay in the file until somebody wants them.
Tensor map_stored(StoredType type, const Shape& shape, std::span<const std::byte> bytes,
                  const std::shared_ptr<const MappedFile>& file, const std::string& what);

}  // namespace tessera
