// SHA-256 of bytes, as lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace tessera {

std::string sha256(std::span<const std::byte> bytes);

}  // namespace tessera
