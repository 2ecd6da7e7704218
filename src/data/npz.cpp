#include "data/npz.hpp"

#include <minizip/unzip.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "cpu/memory_limit.hpp"
#include "data/inflation.hpp"
#include "formats/mapped_file.hpp"
#include "formats/npy.hpp"

namespace tessera {
namespace {

constexpr const char* save_again = "save it again with numpy.savez";

struct Close {
  void operator()(void* archive) const noexcept { unzClose(archive); }
};
using Archive = std::unique_ptr<void, Close>;

/// The entry at which the archive stands, from where to read it.
class OpenEntry {
 public:
  explicit OpenEntry(void* archive) : archive_(archive), open_(unzOpenCurrentFile(archive) == UNZ_OK) {}
  ~OpenEntry() { (void)close(); }
  OpenEntry(const OpenEntry&) = delete;
  OpenEntry& operator=(const OpenEntry&) = delete;

  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Bytes that were read; 0 at the end and where the entry is damaged.
  std::size_t read(std::span<std::byte> target) {
    constexpr std::size_t most = std::size_t{1} << 30;
    const int count = unzReadCurrentFile(archive_, target.data(), static_cast<unsigned>(std::min(target.size(), most)));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  /// False where the checksum does not hold.
  bool close() {
    if (!open_) return true;
    open_ = false;
    return unzCloseCurrentFile(archive_) == UNZ_OK;
  }

 private:
  void* archive_;
  bool open_;
};

/// The next bytes of the entry, as many as `target` holds.
void read_exactly(OpenEntry& entry, std::span<std::byte> target, const std::string& what) {
  while (!target.empty()) {
    const std::size_t count = entry.read(target);
    if (count == 0) reject(what, "the archive entry is damaged", save_again);
    target = target.subspan(count);
  }
}

/// Inflates the header of the array first: only what that asks for is inflated behind it.
std::vector<std::byte> read_entry(void* archive, const unz_file_info64& info, const std::string& what) {
  if (info.uncompressed_size / max_inflation > info.compressed_size)
    reject(what, "the archive entry has no believable size", save_again);
  OpenEntry entry(archive);
  if (!entry.open()) reject(what, "cannot read the archive entry (encrypted, or packed in an unusual way)", save_again);
  std::vector<std::byte> bytes(std::min<std::size_t>(info.uncompressed_size, npy_prefix_bytes));
  read_exactly(entry, bytes, what);
  const std::size_t header = std::min<std::size_t>(info.uncompressed_size, npy_header_bytes(bytes, what));
  const auto extend_to = [&](std::size_t size) {
    const std::size_t done = bytes.size();
    if (size <= done) return;
    bytes.resize(size);
    read_exactly(entry, std::span(bytes).subspan(done), what);
  };
  extend_to(header);
  const std::size_t size = npy_file_bytes(bytes, what);
  if (size != info.uncompressed_size)
    reject(
        what,
        "holds " + std::to_string(info.uncompressed_size) + " bytes where its header asks for " + std::to_string(size),
        save_again);
  require_memory(size, what);
  extend_to(size);
  // The checksum is looked at when the end is reached.
  std::byte beyond;
  if (entry.read({&beyond, 1}) != 0 || !entry.close()) reject(what, "the archive entry is damaged", save_again);
  return bytes;
}

}  // namespace

std::map<std::string, Tensor> read_npz(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  constexpr std::string_view suffix = ".npy";
  static_cast<void>(
      MappedFile::open(path));  // what is no regular file is refused in words; minizip might wait for it for ever
  const Archive archive(unzOpen64(path.c_str()));
  if (archive == nullptr) reject(path, "cannot read the .npz file (it is not there, or no ZIP archive)", save_again);
  std::map<std::string, Tensor> tensors;
  int position = unzGoToFirstFile(archive.get());
  for (; position == UNZ_OK; position = unzGoToNextFile(archive.get())) {
    unz_file_info64 info;
    std::array<char, 4096> letters;
    if (unzGetCurrentFileInfo64(archive.get(), &info, letters.data(), letters.size(), nullptr, 0, nullptr, 0) !=
            UNZ_OK ||
        info.size_filename >= letters.size())
      reject(path, "the .npz file is damaged", save_again);
    std::string name(letters.data(), info.size_filename);
    const std::string what = path + ": " + name;
    if (!std::string_view(name).ends_with(suffix)) reject(what, "is not a .npy file", save_again);
    name.resize(name.size() - suffix.size());
    Tensor tensor;
    if (!wanted || wanted(name)) tensor = parse_npy(read_entry(archive.get(), info, what), what);
    if (!tensors.emplace(std::move(name), tensor).second) reject(what, "is in the archive twice", save_again);
  }
  if (position != UNZ_END_OF_LIST_OF_FILE) reject(path, "the .npz file is damaged", save_again);
  return tensors;
}

}  // namespace tessera
