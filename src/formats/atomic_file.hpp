// AtomicFile: a file that appears under its name complete or not at all. It is written beside the target and renamed
// over it by commit(); without commit() nothing remains.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

class AtomicFile {
 public:
  /// Error{failed} naming the path when its folder cannot be written or the name belongs to something that is not a
  /// file; Error{invalid} for an empty name.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);  ///< Error{failed} when the disk is full
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Writes over bytes that have been written before. Does not move position().
  void write_at(std::size_t offset, std::span<const std::byte> bytes);
  /// Everything is on disk when this returns: all that can run out of space has happened. Part of commit(); on its own
  /// only for those who must rename several files together.
  void finish();
  /// The complete file is under its name when this returns.
  void commit();

  /// Bytes written so far.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  void flush();
  void write_through(std::span<const std::byte> bytes);
  [[noreturn]] void fail_errno(const char* action, int error) const;

  std::string path_;    // as the caller named it, for messages
  std::string target_;  // with a symbolic link followed: the link stays, its file is replaced
  std::string temporary_;
  int descriptor_ = -1;
  std::size_t position_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace tessera
