#include "core/memory.hpp"

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/error.hpp"

namespace tessera {

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  const std::size_t allocated = round_up(bytes + buffer_slack, cache_line);
  data_.reset(static_cast<std::byte*>(std::aligned_alloc(cache_line, allocated)));
  if (data_ == nullptr)
    fail("memory", "cannot allocate " + std::to_string(bytes >> 20) + " MiB", "use a smaller batch or fewer cases");
  std::memset(data_.get(), 0, allocated);
}

void AlignedBuffer::Free::operator()(std::byte* pointer) const noexcept {
  std::free(pointer);
}

}  // namespace tessera
