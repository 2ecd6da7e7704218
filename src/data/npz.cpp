#include "data/npz.hpp"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "cpu/memory_limit.hpp"
#include "formats/npy.hpp"

namespace tessera {
namespace {

constexpr const char* save_again = "save it again with numpy.savez";
// Deflate packs at most 1032 bytes into one: an entry that claims more is a trap for the allocator.
constexpr std::uint64_t max_inflation = 1032;

struct Discard {
  void operator()(zip_t* archive) const noexcept { zip_discard(archive); }
  void operator()(zip_file_t* entry) const noexcept { zip_fclose(entry); }
};

std::unique_ptr<zip_t, Discard> open_archive(const std::string& path) {
  int code = 0;
  std::unique_ptr<zip_t, Discard> archive(zip_open(path.c_str(), ZIP_RDONLY, &code));
  if (archive != nullptr) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string message = zip_error_strerror(&error);
  zip_error_fini(&error);
  reject(path, "cannot read the .npz file (" + message + ")", save_again);
}

/// The next bytes of the entry, as many as `target` holds.
void read_exactly(zip_file_t* entry, std::span<std::byte> target, const std::string& what) {
  while (!target.empty()) {
    const zip_int64_t count = zip_fread(entry, target.data(), target.size());
    if (count <= 0) reject(what, "the archive entry is damaged", save_again);
    target = target.subspan(static_cast<std::size_t>(count));
  }
}

/// Inflates the header of the array first: only what that asks for is inflated behind it.
std::vector<std::byte> read_entry(zip_t* archive, const zip_stat_t& status, const std::string& what) {
  if ((status.valid & ZIP_STAT_SIZE) == 0 || (status.valid & ZIP_STAT_COMP_SIZE) == 0 ||
      status.size / max_inflation > status.comp_size)
    reject(what, "the archive entry has no believable size", save_again);
  const std::unique_ptr<zip_file_t, Discard> entry(zip_fopen_index(archive, status.index, 0));
  if (entry == nullptr)
    reject(what, std::string("cannot read the archive entry (") + zip_strerror(archive) + ")", save_again);
  std::vector<std::byte> bytes(std::min<std::size_t>(status.size, npy_prefix_bytes));
  read_exactly(entry.get(), bytes, what);
  const std::size_t header = std::min<std::size_t>(status.size, npy_header_bytes(bytes, what));
  const auto extend_to = [&](std::size_t size) {
    const std::size_t done = bytes.size();
    if (size <= done) return;
    bytes.resize(size);
    read_exactly(entry.get(), std::span(bytes).subspan(done), what);
  };
  extend_to(header);
  const std::size_t size = npy_file_bytes(bytes, what);
  if (size != status.size)
    reject(what, "holds " + std::to_string(status.size) + " bytes where its header asks for " + std::to_string(size),
           save_again);
  require_memory(size, what);
  extend_to(size);
  // The checksum is looked at when the end is reached.
  std::byte beyond;
  if (zip_fread(entry.get(), &beyond, 1) != 0) reject(what, "the archive entry is damaged", save_again);
  return bytes;
}

}  // namespace

std::map<std::string, Tensor> read_npz(const std::string& path, const std::function<bool(const std::string&)>& wanted) {
  constexpr std::string_view suffix = ".npy";
  const auto archive = open_archive(path);
  std::map<std::string, Tensor> tensors;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t status;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &status) != 0 ||
        (status.valid & ZIP_STAT_NAME) == 0)
      reject(path, "the .npz file is damaged", save_again);
    std::string name = status.name;
    const std::string what = path + ": " + name;
    if (!std::string_view(name).ends_with(suffix)) reject(what, "is not a .npy file", save_again);
    name.resize(name.size() - suffix.size());
    Tensor tensor;
    if (!wanted || wanted(name)) tensor = parse_npy(read_entry(archive.get(), status, what), what);
    if (!tensors.emplace(std::move(name), tensor).second) reject(what, "is in the archive twice", save_again);
  }
  return tensors;
}

}  // namespace tessera
