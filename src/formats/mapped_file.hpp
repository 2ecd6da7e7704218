// MappedFile: a regular file mapped read-only. Tensors read from it share the mapping instead of copying their
// elements.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tessera {

class MappedFile {
 public:
  /// Error{invalid} naming the path and the reason: missing, a folder, not a regular file, not readable.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }
  /// Where it was opened.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Whether the file is still long enough for that part of bytes(): one that was cut short ends the process when it is
  /// touched there.
  [[nodiscard]] bool still_holds(std::span<const std::byte> part) const noexcept;
  /// Reads without mapping: the bytes from `offset` on. False where the system refuses.
  bool read(std::size_t offset, std::span<std::byte> target) const noexcept;
  /// Gives back the memory behind a part of the file. It comes back, from the file, when it is read again.
  void release(std::span<const std::byte> part) const noexcept;

 private:
  MappedFile(std::string path, int descriptor, const std::byte* data, std::size_t size) noexcept
      : path_(std::move(path)), descriptor_(descriptor), data_(data), size_(size) {}

  std::string path_;
  int descriptor_;
  const std::byte* data_;
  std::size_t size_;
};

/// The first bytes of a regular file, `count` of them or as many as it has; none where there is no such file. Anything
/// else may wait for ever to be opened: a pipe that nobody writes to does.
std::string first_bytes(const std::string& path, std::size_t count);

}  // namespace tessera
