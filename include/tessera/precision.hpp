// The number formats that a session, or a layer of it, multiplies in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tessera/export.h"

namespace tessera {

enum class Precision : std::uint8_t {
  fp32,
  bf16,
  int8,         ///< activations quantized by calibration, or as the file has it
  int8_dynamic  ///< linear layers only, the rows of their inputs quantized when the model runs: needs no data
};
TESSERA_API std::string_view name_of(Precision precision) noexcept;
TESSERA_API std::optional<Precision> precision_from_name(std::string_view name) noexcept;

}  // namespace tessera
