#include "data/image_files.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "data/image_decoder.hpp"
#include "formats/folder.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Deeper than any sorted collection; a link that leads back to a folder above would go on for ever.
constexpr int max_depth = 8;

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return extension;
}

bool is_image(const std::string& path, const std::string& extension) {
  if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") return true;
  constexpr std::size_t longest_mark = 8;
  const std::string head = first_bytes(path, longest_mark);
  return image_format_of(std::as_bytes(std::span(head))).has_value();
}

bool stands_beside_images(const std::string& extension) {
  return extension == ".json" || extension == ".txt" || extension == ".tsv" || extension == ".csv";
}

struct Search {
  ImageFiles found;
  std::vector<fs::path> images;
  std::error_code error;  ///< of the folder that could not be read
};

void look_in(const std::string& folder, int depth, Search& search) {
  for (const FolderEntry& entry : entries_of(folder, search.error)) {
    const std::string path = path_in(folder, entry.name);
    if (depth > max_depth) reject(path, "lies too many folders deep", "look for a link to a folder above it");
    if (entry.name.starts_with('.')) continue;
    if (entry.is_folder) {
      look_in(path, depth + 1, search);
      if (search.error) return;
      continue;
    }
    const std::string extension = lower_extension(path);
    if (stands_beside_images(extension)) continue;
    if (entry.is_file && is_image(path, extension)) {
      search.images.push_back(path);
    } else if (++search.found.others == 1 || path < search.found.example) {
      search.found.example = path;
    }
  }
}

}  // namespace

ImageFiles find_image_files(const std::string& folder) {
  Search search;
  look_in(folder, 0, search);
  if (search.error)
    reject(folder, "cannot read the folder (" + search.error.message() + ")", "check the path and its permissions");
  std::sort(search.images.begin(), search.images.end());
  for (const fs::path& path : search.images) search.found.images.push_back(path);
  return std::move(search.found);
}

}  // namespace tessera
