// What targets with several readers share: the first byte of an input chooses the reader, the others are for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/error.hpp"

namespace tessera::fuzzing {

/// Hands the rest of the input to one of `readers`; a refusal in words is the right answer to most inputs.
template <std::size_t count>
void read_by_one_of(void (*const (&readers)[count])(std::string_view), const std::uint8_t* data, std::size_t size) {
  if (size == 0) return;
  try {
    readers[data[0] % count]({reinterpret_cast<const char*>(data) + 1, size - 1});
  } catch (const Error&) {
  }
}

}  // namespace tessera::fuzzing
