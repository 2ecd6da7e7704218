// The border between C and C++: no exception crosses it; what was thrown becomes a status and the last error of the
// thread.
#pragma once

#include <cstddef>
#include <exception>

#include "tessera/tessera.h"

namespace tessera {

/// Keeps what went wrong for tessera_error_*() and says what kind it is.
tessera_status remember(const std::exception_ptr& error) noexcept;

/// Runs `work` and turns what it throws into a status.
template <class Work>
tessera_status guarded(const Work& work) noexcept {
  try {
    work();
    return TESSERA_OK;
  } catch (...) {
    return remember(std::current_exception());
  }
}

/// Error{invalid} for a null pointer; `name` is that of the argument.
void require(const void* pointer, const char* name);
/// Error{invalid} for an index out of range.
void require_index(std::size_t index, std::size_t count, const char* what);

/// The first `struct_size` bytes of the caller's options, as many as both sides know; the rest stays zero.
/// Error{invalid} for a size that no version of the struct has, and for members that are set and that this library does
/// not know.
void copy_options(void* target, std::size_t known, const void* source, std::size_t least, const char* name);

template <class Options>
Options options_of(const Options* given, const char* name) {
  Options options = {};
  if (given != nullptr) copy_options(&options, sizeof options, given, sizeof options.struct_size, name);
  return options;
}

}  // namespace tessera
