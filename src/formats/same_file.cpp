#include "formats/same_file.hpp"

#include <sys/stat.h>

#include <optional>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "formats/folder.hpp"

namespace tessera {
namespace {

using Identity = std::pair<dev_t, ino_t>;

/// Of the file that the path ends at; nothing where there is none.
std::optional<Identity> identity_of(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

/// The file itself, or the one inside the folder.
std::optional<std::string> find_inside(const std::string& path, const Identity& wanted) {
  if (identity_of(path) == wanted) return path;
  std::error_code error;
  for (const FolderEntry& entry : entries_of(path, error)) {
    const std::string inside = path_in(path, entry.name);
    // Folders behind links are not entered: they may lead back.
    if (entry.is_link || !entry.is_folder) {
      if (identity_of(inside) == wanted) return inside;
    } else if (auto found = find_inside(inside, wanted)) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

void refuse_to_overwrite(const std::string& output, std::span<const std::string> inputs) {
  const std::optional<Identity> target = identity_of(output);
  if (!target) return;
  for (const std::string& input : inputs)
    if (const auto found = find_inside(input, *target))
      reject("output " + output, "it is the input " + *found + ", which would be lost", "write to another file");
}

}  // namespace tessera
