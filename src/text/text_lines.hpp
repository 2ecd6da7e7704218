// The lines of a text file, without copying it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/mapped_file.hpp"

namespace tessera {

class TextLines {
 public:
  /// Lines end with LF or CR LF; a byte order mark is skipped. Error{invalid} for a file that cannot be read or holds
  /// NUL bytes, which no text does.
  explicit TextLines(const std::string& path);

  [[nodiscard]] std::size_t size() const noexcept { return lines_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const { return lines_[i]; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<std::string_view> lines_;
};

}  // namespace tessera
