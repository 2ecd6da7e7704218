#include "formats/folder.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>

namespace tessera {
namespace {

struct CloseFolder {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

std::error_code last_error() {
  if (errno == ENOMEM) throw std::bad_alloc();
  return {errno, std::generic_category()};
}

FolderEntry described(const std::string& folder, const dirent& found) {
  FolderEntry entry{found.d_name, found.d_type == DT_DIR, found.d_type == DT_REG, found.d_type == DT_LNK};
  if (entry.is_folder || entry.is_file) return entry;
  // A link, or a file system that does not say what it lists.
  const std::string path = path_in(folder, entry.name);
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    entry.is_folder = S_ISDIR(status.st_mode);
    entry.is_file = S_ISREG(status.st_mode);
  }
  if (found.d_type == DT_UNKNOWN && ::lstat(path.c_str(), &status) == 0) entry.is_link = S_ISLNK(status.st_mode);
  return entry;
}

}  // namespace

std::vector<FolderEntry> entries_of(const std::string& folder, std::error_code& error) {
  error.clear();
  std::vector<FolderEntry> entries;
  const std::unique_ptr<DIR, CloseFolder> stream(::opendir(folder.c_str()));
  if (stream == nullptr) {
    error = last_error();
    return entries;
  }
  for (;;) {
    errno = 0;
    const dirent* const found = ::readdir(stream.get());
    if (found == nullptr) break;
    const std::string_view name(found->d_name);
    if (name != "." && name != "..") entries.push_back(described(folder, *found));
  }
  if (errno != 0) error = last_error();
  std::ranges::sort(entries, {}, &FolderEntry::name);
  return entries;
}

std::string path_in(const std::string& folder, std::string_view name) {
  const bool separated = folder.empty() || folder.ends_with('/') || name.empty();
  return folder + (separated ? "" : "/") + std::string(name);
}

bool has_extension(const FolderEntry& entry, std::initializer_list<std::string_view> extensions) {
  return !entry.is_folder && std::ranges::any_of(extensions, [&](std::string_view extension) {
    return entry.name.size() > extension.size() && entry.name.ends_with(extension);
  });
}

}  // namespace tessera
