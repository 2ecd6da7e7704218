#include "text/text_lines.hpp"

#include "core/error.hpp"

namespace tessera {

TextLines::TextLines(const std::string& path) : file_(MappedFile::open(path)) {
  std::string_view rest = file_->text();
  if (rest.find('\0') != std::string_view::npos)
    reject(path, "is not a text file", "give UTF-8 text, one text per line");
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
}

}  // namespace tessera
