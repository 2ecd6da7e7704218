// Elements of arrays of bytes, at any alignment: files put weights where they like. Not for kernels, which are compiled
// for more than one instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tessera {

template <class T>
T element(const std::byte* base, std::int64_t index = 0) {
  T value;
  std::memcpy(&value, base + index * static_cast<std::int64_t>(sizeof value), sizeof value);
  return value;
}

template <class T>
void set_element(std::byte* base, std::int64_t index, T value) {
  std::memcpy(base + index * static_cast<std::int64_t>(sizeof value), &value, sizeof value);
}

}  // namespace tessera
