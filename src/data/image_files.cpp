#include "data/image_files.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>

#include "core/error.hpp"
#include "data/image_decoder.hpp"
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

bool is_image(const fs::path& path, const std::string& extension) {
  if (extension == ".png" || extension == ".jpg" || extension == ".jpeg") return true;
  constexpr std::size_t longest_mark = 8;
  const std::string head = first_bytes(path.string(), longest_mark);
  return image_format_of(std::as_bytes(std::span(head))).has_value();
}

bool stands_beside_images(const std::string& extension) {
  return extension == ".json" || extension == ".txt" || extension == ".tsv" || extension == ".csv";
}

}  // namespace

ImageFiles find_image_files(const std::string& folder) {
  ImageFiles found;
  std::vector<fs::path> images;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::follow_directory_symlink, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry.depth() > max_depth)
      reject(entry->path().string(), "lies too many folders deep", "look for a link to a folder above it");
    const fs::path& path = entry->path();
    const bool hidden = path.filename().string().starts_with('.');
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (hidden) entry.disable_recursion_pending();
      continue;
    }
    const std::string extension = lower_extension(path);
    if (hidden || stands_beside_images(extension)) continue;
    if (entry->is_regular_file(ignored) && is_image(path, extension)) {
      images.push_back(path);
    } else if (++found.others == 1 || path.string() < found.example) {
      found.example = path.string();
    }
  }
  if (error) reject(folder, "cannot read the folder (" + error.message() + ")", "check the path and its permissions");
  std::sort(images.begin(), images.end());
  for (const fs::path& path : images) found.images.push_back(path.string());
  return found;
}

}  // namespace tessera
