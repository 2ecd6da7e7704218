#include "core/memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/error.hpp"

namespace tessera {

namespace {

constexpr std::size_t small_page = 4096;
constexpr std::size_t large_page = std::size_t{2} << 20;
/// From here on memory comes from the system page by page: zeroed when somebody touches it, by the thread that touches
/// it, and given back at once.
constexpr std::size_t least_mapped = std::size_t{256} << 10;

/// Zeroed pages; from the start of a large one if at least that is wanted. Whole large pages are asked for as such, the
/// rest stays in small ones: a buffer occupies what it holds. Null when there are none.
std::byte* map_pages(std::size_t bytes) noexcept {
  const std::size_t alignment = bytes >= large_page ? large_page : small_page;
  const std::size_t reserved = bytes + alignment - small_page;
  void* const mapping = ::mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(mapping);
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  const std::size_t before = round_up(address, alignment) - address, behind = reserved - before - bytes;
  if (before > 0) ::munmap(first, before);
  if (behind > 0) ::munmap(first + before + bytes, behind);
  // A system without large pages declines, and nothing is lost.
  if (bytes >= large_page) ::madvise(first + before, bytes / large_page * large_page, MADV_HUGEPAGE);
  return first + before;
}

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  const std::size_t needed = bytes + buffer_slack;
  const bool mapped = needed >= least_mapped;
  const std::size_t allocated = round_up(needed, mapped ? small_page : cache_line);
  data_ = {mapped ? map_pages(allocated) : static_cast<std::byte*>(std::aligned_alloc(cache_line, allocated)),
           FreeMemory{mapped ? allocated : 0}};
  if (data_ == nullptr)
    fail("memory", "cannot allocate " + std::to_string(bytes >> 20) + " MiB", "use a smaller batch or fewer cases");
  if (!mapped) std::memset(data_.get(), 0, allocated);
}

void FreeMemory::operator()(std::byte* pointer) const noexcept {
  if (mapped > 0)
    ::munmap(pointer, mapped);
  else
    std::free(pointer);
}

}  // namespace tessera
