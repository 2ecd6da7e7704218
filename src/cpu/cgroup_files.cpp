#include "cpu/cgroup_files.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

namespace tessera {
namespace {

namespace fs = std::filesystem;

bool names_controller(const std::string& controllers, std::string_view wanted) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == wanted) return true;
  }
  return false;
}

template <typename Visit>
void for_groups_along(const fs::path& mount, const std::string& path, Visit visit) {
  visit(mount);
  fs::path group = mount;
  std::istringstream parts(path);
  for (std::string part; std::getline(parts, part, '/');) {
    if (part == "..") break;  // our group lies outside of what this namespace shows
    if (part.empty() || part == ".") continue;
    group /= part;
    visit(group);
  }
}

}  // namespace

std::optional<long long> read_number(std::string_view text) {
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::vector<std::string> read_words(const fs::path& file, std::size_t count) {
  std::ifstream in(file);
  std::vector<std::string> words;
  for (std::string word; words.size() < count && in >> word;) words.push_back(word);
  return words;
}

void for_control_groups(const std::string& root, const std::string& self_cgroup, std::string_view controller,
                        const std::function<void(const fs::path& group, bool v2)>& visit) {
  const fs::path mounts = fs::path(root) / "sys/fs/cgroup";
  std::istringstream lines(self_cgroup);
  for (std::string line; std::getline(lines, line);) {  // hierarchy:controllers:path; the path may hold colons
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) {  // v2, alone or beside v1
      for (const fs::path& mount : {mounts, mounts / "unified"})
        for_groups_along(mount, path, [&](const fs::path& group) { visit(group, true); });
    } else if (names_controller(controllers, controller)) {
      for (const fs::path& mount : {mounts / controllers, mounts / controller})
        for_groups_along(mount, path, [&](const fs::path& group) { visit(group, false); });
    }
  }
}

}  // namespace tessera
