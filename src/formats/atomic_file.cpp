#include "formats/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Small writes are gathered; anything larger goes straight to the system.
constexpr std::size_t buffer_bytes = 256 * 1024;

std::string temporary_name(const std::string& target) {
  static std::atomic<unsigned> counter{0};  // two threads may write the same target
  return target + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), target_(path_) {
  if (path_.empty()) reject("output file", "its name is empty", "name a file");
  std::error_code ignored;
  if (fs::exists(path_, ignored) && !fs::is_regular_file(path_, ignored) && !fs::is_directory(path_, ignored))
    fail(path_, "exists and is not a regular file", "name a file");
  // What lies here is opened, not replaced: renaming over it would lose the file, or the device.
  for (const std::string_view place : {"/dev/std", "/dev/fd/", "/proc/"})
    if (path_.starts_with(place))
      fail(path_, "is an open file of a process, and a file is written whole or not at all", "name a file");
  if (fs::is_symlink(target_, ignored)) {
    const fs::path resolved = fs::weakly_canonical(target_, ignored);
    if (!resolved.empty()) target_ = resolved.string();
  }
  if (fs::is_directory(target_, ignored)) fail(path_, "is a folder", "name a file inside it");
  temporary_ = temporary_name(target_);
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail_errno("cannot write the file", errno);
  buffer_.reserve(buffer_bytes);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  if (buffer_.size() + bytes.size() > buffer_bytes) flush();
  if (bytes.size() >= buffer_bytes) {
    write_through(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void AtomicFile::write_at(std::size_t offset, std::span<const std::byte> bytes) {
  flush();
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno("cannot write the file", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
}

void AtomicFile::finish() {
  if (descriptor_ < 0) return;
  flush();
  // Without fsync a full network disk is only noticed after the rename, and a crash could leave an empty file under the
  // name.
  if (::fsync(descriptor_) != 0) fail_errno("cannot write the file", errno);
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) fail_errno("cannot write the file", errno);
}

void AtomicFile::commit() {
  finish();
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail_errno("cannot rename the finished file", errno);
  temporary_.clear();
}

void AtomicFile::flush() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_errno("cannot write the file", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::fail_errno(const char* action, int error) const {
  const char* remedy = error == ENOSPC || error == EDQUOT ? "free some space or choose another folder"
                                                          : "choose a folder that exists and can be written";
  fail(path_, std::string(action) + " (" + std::generic_category().message(error) + ")", remedy);
}

}  // namespace tessera
