// Tensors, extents and words on both sides of the C API.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tessera/tessera.h"
#include "tessera/tessera.hpp"

namespace tessera {

/// What lies behind `tensor`, without ownership. Error{invalid} naming `what` for no type, too many dimensions, a
/// negative extent and missing data.
TensorView view_of(const tessera_tensor& tensor, const std::string& what);
/// A Tensor that lends the memory of `tensor`, which must outlive it.
Tensor borrowed(const tessera_tensor& tensor, const std::string& what);

/// For C; `name` and the elements are lent.
tessera_tensor c_tensor(const char* name, const TensorView& view);

DataType data_type(tessera_type type, const std::string& what);
Precision precision(tessera_precision precision);
std::optional<Isa> isa(tessera_isa isa);  ///< nothing for TESSERA_ISA_BEST
tessera_isa c_isa(Isa isa) noexcept;
std::map<std::string, std::int64_t> extents(const tessera_extent* extents, std::size_t count);
/// 0 streams are one, -1 is one for each core.
int stream_count(int streams) noexcept;
/// Of options that may be null.
SessionOptions session_options(const tessera_session_options* options);
/// An array of strings that may be null where `count` is 0. Error{invalid} naming `name` for one that is null.
std::vector<std::string> strings(const char* const* strings, std::size_t count, const char* name);

}  // namespace tessera
