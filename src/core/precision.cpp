#include "tessera/precision.hpp"

namespace tessera {

std::string_view name_of(Precision precision) noexcept {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::bf16: return "bf16";
    case Precision::int8: return "int8";
    case Precision::int8_dynamic: return "int8-dynamic";
  }
  return "?";
}

std::optional<Precision> precision_from_name(std::string_view name) noexcept {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic})
    if (name == name_of(precision)) return precision;
  return std::nullopt;
}

}  // namespace tessera
