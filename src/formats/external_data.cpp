#include "formats/external_data.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/error.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* keep_beside = "keep the data file in the model's own folder and export again";

bool lies_inside(const fs::path& file, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first == folder.end();
}

/// A hub's cache keeps a model as links, REPOSITORY/snapshots/REVISION/..., to files in REPOSITORY/blobs.
bool lies_in_blobs_of_cache(const fs::path& file, const fs::path& folder) {
  for (fs::path at = folder; at.has_relative_path(); at = at.parent_path()) {
    if (at.parent_path().filename() != "snapshots") continue;
    return lies_inside(file, at.parent_path().parent_path() / "blobs");
  }
  return false;
}

}  // namespace

ExternalData::Slice ExternalData::slice(const std::string& location, std::uint64_t offset,
                                        std::optional<std::uint64_t> length, const std::string& what) {
  auto& file = files_[location];
  if (file == nullptr) file = MappedFile::open(confined_path(location, what));
  const std::uint64_t size = file->bytes().size();
  if (offset > size || length.value_or(0) > size - offset)
    reject(what,
           "external data at offset " + std::to_string(offset) + (length ? ", length " + std::to_string(*length) : "") +
               " lies outside " + location + " (" + std::to_string(size) + " bytes)",
           "the data file is cut short or belongs to another model");
  return {file, file->bytes().subspan(offset, length.value_or(size - offset))};
}

std::vector<std::string> ExternalData::files() const {
  std::vector<std::string> paths;
  for (const auto& [location, file] : files_) paths.push_back((fs::path(folder_) / location).string());
  return paths;
}

std::string ExternalData::confined_path(const std::string& location, const std::string& what) const {
  if (folder_.empty()) reject(what, "external data, but the model is not a file", "save it with its weights inside");
  const fs::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos)
    reject(what, "external data without a usable location", keep_beside);
  if (relative.is_absolute()) reject(what, "external data at the absolute path " + location, keep_beside);
  if (std::find(relative.begin(), relative.end(), "..") != relative.end())
    reject(what, "external data outside the model's folder: " + location, keep_beside);

  std::error_code error;
  const fs::path folder = fs::canonical(folder_, error);
  if (error) reject(folder_, "cannot open the folder (" + error.message() + ")", "check the path");
  const fs::path file = fs::canonical(folder / relative, error);
  if (error)
    reject(what, "external data file " + location + " cannot be opened (" + error.message() + ")", keep_beside);
  if (!lies_inside(file, folder) && !lies_in_blobs_of_cache(file, folder))
    reject(what, "external data file " + location + " is a link that leaves the model's folder", keep_beside);
  return file.string();
}

}  // namespace tessera
