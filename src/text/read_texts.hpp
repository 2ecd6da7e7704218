// Texts from a file: a line each.
#pragma once

#include <string>
#include <vector>

namespace tessera {

/// The lines that are not blank; of a file called .jsonl each is a JSON string, or an object with an entry "text".
/// Error{invalid} naming the file and the line.
std::vector<std::string> read_texts(const std::string& path);

}  // namespace tessera
