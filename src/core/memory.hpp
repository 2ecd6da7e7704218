// Aligned, zero-initialised memory, in large pages where it is large and the system has them. Every buffer a kernel
// sees comes from here, so kernels may rely on two things: it starts on a cache line, and `buffer_slack` bytes behind
// its end may be read (never written).
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace tessera {

inline constexpr std::size_t cache_line = 64;
/// Of the system.
inline constexpr std::size_t small_page = 4096, large_page = std::size_t{2} << 20;
/// One vector (64 B) past the end of any row may be read by a kernel that loads whole vectors.
inline constexpr std::size_t buffer_slack = 128;

struct FreeMemory {
  std::size_t mapped = 0;                       ///< bytes of whole pages; 0: from the heap
  std::shared_ptr<const void> owner = nullptr;  ///< of the memory this is a part of, which goes with its owner
  void operator()(std::byte* pointer) const noexcept;
};

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);  ///< Error{failed} when the memory is not to be had
  /// A part of somebody else's memory, with the slack behind it.
  AlignedBuffer(std::shared_ptr<const void> owner, std::byte* data, std::size_t bytes) noexcept
      : data_(data, FreeMemory{0, std::move(owner)}), size_(bytes) {}

  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] const std::byte* data() const noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::unique_ptr<std::byte, FreeMemory> data_;
  std::size_t size_ = 0;
};

/// Buffers side by side, so that large pages cover many of them together. Not thread-safe.
class BufferRegion {
 public:
  /// Zeroed; touched, and so in memory, page by page as it is written. Error{failed} when there is no memory.
  AlignedBuffer take(std::size_t bytes);
  /// No more buffers for now: what was taken may lie in large pages, what was not goes back. To be called before the
  /// buffers are written; the next take() begins another mapping.
  void settle() noexcept;

  ~BufferRegion() { settle(); }
  BufferRegion() = default;
  BufferRegion(const BufferRegion&) = delete;
  BufferRegion& operator=(const BufferRegion&) = delete;

 private:
  struct Mapping;
  std::shared_ptr<Mapping> mapping_;  ///< kept alive by the buffers in it
};

/// Memory that grows. Pages that are there already stay, with what is in them, wherever the whole moves to: growing
/// costs what is new. Not thread-safe.
class GrowingBuffer {
 public:
  GrowingBuffer() = default;
  ~GrowingBuffer();
  GrowingBuffer(const GrowingBuffer&) = delete;
  GrowingBuffer& operator=(const GrowingBuffer&) = delete;

  /// From now on at least that many bytes; what is new is zero. Error{failed} when the memory is not to be had: then
  /// all is as it was.
  void grow(std::size_t bytes);
  [[nodiscard]] std::byte* data() noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, mapped_ = 0;
};

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) noexcept {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace tessera
