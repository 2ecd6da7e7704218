#include "core/memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/error.hpp"

namespace tessera {

namespace {

/// From here on memory comes from the system page by page: zeroed when somebody touches it, by the thread that touches
/// it, and given back at once.
constexpr std::size_t least_mapped = std::size_t{256} << 10;

/// Zeroed pages; from the start of a large one if at least that is wanted. Null when there are none.
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
  return first + before;
}

/// Whole large pages are asked for as such, the rest stays in small ones: memory occupies what it holds. A system
/// without large pages declines, and nothing is lost.
void ask_for_large_pages(std::byte* first, std::size_t bytes) noexcept {
  if (bytes >= large_page) ::madvise(first, bytes / large_page * large_page, MADV_HUGEPAGE);
}

[[noreturn]] void fail_for_want_of(std::size_t bytes) {
  fail("memory", "cannot allocate " + std::to_string((bytes + (1U << 20U) - 1) >> 20U) + " MiB",
       "use a smaller batch, sequence or image, or give it more memory");
}

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  const std::size_t needed = bytes + buffer_slack;
  const bool mapped = needed >= least_mapped;
  const std::size_t allocated = round_up(needed, mapped ? small_page : cache_line);
  data_ = {mapped ? map_pages(allocated) : static_cast<std::byte*>(std::aligned_alloc(cache_line, allocated)),
           FreeMemory{mapped ? allocated : 0}};
  if (data_ == nullptr) fail_for_want_of(bytes);
  if (mapped)
    ask_for_large_pages(data_.get(), allocated);
  else
    std::memset(data_.get(), 0, allocated);
}

void FreeMemory::operator()(std::byte* pointer) const noexcept {
  if (owner != nullptr) return;
  if (mapped > 0)
    ::munmap(pointer, mapped);
  else
    std::free(pointer);
}

GrowingBuffer::~GrowingBuffer() {
  if (data_ != nullptr) ::munmap(data_, mapped_);
}

void GrowingBuffer::grow(std::size_t bytes) {
  if (bytes <= size_) return;
  const std::size_t wanted = bytes + buffer_slack;
  // Whole large pages, where that adds an eighth at most: the end in small ones would take hundreds of faults, and
  // could not become large later.
  const std::size_t needed = round_up(wanted, wanted >= 8 * large_page ? large_page : small_page);
  if (needed > mapped_) {
    std::byte* const fresh = map_pages(needed);
    if (fresh == nullptr) fail_for_want_of(bytes);
    // Both begin at a large page where they have any, so that large pages move whole.
    if (data_ != nullptr && ::mremap(data_, mapped_, mapped_, MREMAP_MAYMOVE | MREMAP_FIXED, fresh) == MAP_FAILED) {
      ::munmap(fresh, needed);
      fail_for_want_of(bytes);
    }
    data_ = fresh;
    mapped_ = needed;
    ask_for_large_pages(data_, mapped_);
  }
  size_ = bytes;
}

/// Address space for the buffers of one go. Only what is touched becomes memory, so it may be generous.
struct BufferRegion::Mapping {
  std::byte* first = nullptr;
  std::size_t bytes = 0, taken = 0;

  explicit Mapping(std::size_t wanted) : first(map_pages(wanted)), bytes(wanted) {
    if (first == nullptr) fail_for_want_of(wanted);
  }
  ~Mapping() { ::munmap(first, bytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
};

AlignedBuffer BufferRegion::take(std::size_t bytes) {
  constexpr std::size_t usual = std::size_t{64} << 20;
  const std::size_t needed = round_up(bytes + buffer_slack, cache_line);
  if (mapping_ == nullptr || mapping_->bytes - mapping_->taken < needed) {
    settle();
    mapping_ = std::make_shared<Mapping>(std::max(usual, round_up(needed, small_page)));
  }
  std::byte* const data = mapping_->first + mapping_->taken;
  mapping_->taken += needed;
  return {mapping_, data, bytes};
}

void BufferRegion::settle() noexcept {
  if (mapping_ == nullptr) return;
  Mapping& mapping = *mapping_;
  const std::size_t used = round_up(mapping.taken, small_page);
  if (used < mapping.bytes) ::munmap(mapping.first + used, mapping.bytes - used);
  mapping.bytes = used;
  ask_for_large_pages(mapping.first, used);
  mapping_.reset();
}

}  // namespace tessera
