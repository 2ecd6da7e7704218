// What a folder holds, for code that reads what users give. When memory runs out, std::filesystem of libstdc++ 12 ends
// the program: its iterators allocate in functions that may not throw, and a path that an empty one is appended to is
// destroyed wrongly. Its order of entries is the file system's, too.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace tessera {

struct FolderEntry {
  std::string name;        ///< without the folder
  bool is_folder = false;  ///< or a link to one
  bool is_file = false;    ///< a regular one, or a link to one
  bool is_link = false;
};

/// All but "." and "..", sorted by name; those that could be read when `error` is set. std::bad_alloc when memory runs
/// out.
std::vector<FolderEntry> entries_of(const std::string& folder, std::error_code& error);

/// The name in the folder; the folder itself where the name is empty.
std::string path_in(const std::string& folder, std::string_view name);

/// Whether the entry is no folder and its name has one of these behind it, as in ".npy".
bool has_extension(const FolderEntry& entry, std::initializer_list<std::string_view> extensions);

}  // namespace tessera
