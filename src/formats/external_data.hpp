// Weights that lie outside the model file (ONNX external data). A model comes from anywhere, so what it may name is
// confined to regular files inside its own folder.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/mapped_file.hpp"

namespace tessera {

class ExternalData {
 public:
  /// `folder`: where the model lies. Empty: the model came from memory and has no external data.
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}

  struct Slice {
    std::shared_ptr<const MappedFile> file;
    std::span<const std::byte> bytes;
  };
  /// `length` bytes (to the end of the file where absent) at `offset` of the file called `location`. Error{invalid}
  /// naming `what` when the location leaves the folder or the slice leaves the file.
  Slice slice(const std::string& location, std::uint64_t offset, std::optional<std::uint64_t> length,
              const std::string& what);

  /// The files that were read so far.
  [[nodiscard]] std::vector<std::string> files() const;

 private:
  std::string confined_path(const std::string& location, const std::string& what) const;

  std::string folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;  // each mapped once, by location
};

}  // namespace tessera
