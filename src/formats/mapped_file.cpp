#include "formats/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "core/memory.hpp"

namespace tessera {
namespace {

struct Descriptor {
  int number;
  int release() noexcept { return std::exchange(number, -1); }
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

[[noreturn]] void reject_errno(const std::string& path, int error) {
  reject(path, "cannot open the file (" + std::generic_category().message(error) + ")",
         "check the path and its permissions");
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  if (path.empty()) reject("file", "its name is empty", "name a file");
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever; it has no effect on regular files.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) reject_errno(path, errno);
  struct stat status {};
  if (::fstat(file.number, &status) != 0) reject_errno(path, errno);
  if (S_ISDIR(status.st_mode)) reject(path, "is a folder, not a file", "name the file inside it");
  if (!S_ISREG(status.st_mode)) reject(path, "is not a regular file", "name a regular file");

  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0)
    return std::shared_ptr<const MappedFile>(
        new MappedFile(path, file.release(), nullptr, 0));  // an empty mapping is an error to mmap
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (data == MAP_FAILED) reject_errno(path, errno);
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, file.release(), static_cast<const std::byte*>(data), size));
}

std::string first_bytes(const std::string& path, std::size_t count) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat status {};
  if (file.number < 0 || ::fstat(file.number, &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::string bytes(count, '\0');
  const ssize_t read = ::pread(file.number, bytes.data(), count, 0);
  bytes.resize(read > 0 ? static_cast<std::size_t>(read) : 0);
  return bytes;
}

void MappedFile::release(std::span<const std::byte> part) const noexcept {
  if (part.empty()) return;
  // The system brings pages in in groups of this size, so the neighbours of the part are there too.
  constexpr std::size_t group = std::size_t{64} << 10;
  const auto first = static_cast<std::size_t>(part.data() - data_) / group * group;
  const std::size_t last =
      std::min(round_up(static_cast<std::size_t>(part.data() - data_) + part.size(), group), size_);
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

bool MappedFile::still_holds(std::span<const std::byte> part) const noexcept {
  if (part.empty()) return true;
  struct stat status {};
  const auto end = static_cast<std::size_t>(part.data() - data_) + part.size();
  return ::fstat(descriptor_, &status) == 0 && static_cast<std::size_t>(status.st_size) >= end;
}

bool MappedFile::read(std::size_t offset, std::span<std::byte> target) const noexcept {
  while (!target.empty()) {
    const ssize_t got = ::pread(descriptor_, target.data(), target.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    target = target.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::size_t>(got);
  }
  return true;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  ::close(descriptor_);
}

}  // namespace tessera
