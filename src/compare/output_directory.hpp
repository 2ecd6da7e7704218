// A folder that receives a whole set of files or none of them.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Made before long work starts, so that a folder that cannot be written is found first. Files are staged under
/// temporary names beside their targets and renamed together by commit(); without commit() nothing stays, not even a
/// folder made here.
class OutputDirectory {
 public:
  /// Creates the folder where it is missing and writes a probe. Error{failed} saying why that does not work.
  explicit OutputDirectory(std::filesystem::path folder);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  /// Writes the content under a temporary name. Error{failed} when the disk is full or the name cannot be used.
  void stage(const std::string& name, std::string_view content);
  /// The same for a file that `writer` writes to the path it is given.
  void stage(const std::string& name, const std::function<void(const std::string& path)>& writer);
  void commit();

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  struct Staged {
    std::filesystem::path temporary, target;
  };
  /// Registers the file and returns its temporary path.
  std::filesystem::path stage_path(const std::string& name);

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> created_;  ///< innermost first
  std::vector<Staged> staged_;
};

/// A file name made of a tensor or model name: what would leave the folder or hide the file becomes '_'.
std::string safe_file_name(std::string_view name);

}  // namespace tessera
