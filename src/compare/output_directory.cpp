#include "compare/output_directory.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.hpp"
#include "formats/atomic_file.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Large enough to find a full disk, whose folders can often still be made.
constexpr std::size_t probe_bytes = 64 * 1024;
constexpr std::string_view remedy = "choose another folder or make room";

[[noreturn]] void fail_with(const fs::path& path, int error) {
  fail("cannot write " + path.string(), std::generic_category().message(error), std::string(remedy));
}

/// Runs a writer of the temporary file; messages name the file that was meant.
void write_file(const fs::path& temporary, const fs::path& shown,
                const std::function<void(const std::string&)>& writer) {
  try {
    writer(temporary.string());
  } catch (const Error& error) {
    throw Error(error.kind(), "cannot write " + shown.string(), error.why(), std::string(remedy));
  }
}

/// Complete and on disk when it returns.
std::function<void(const std::string&)> writer_of(std::string_view content) {
  return [content](const std::string& path) {
    AtomicFile file(path);
    file.write(content);
    file.commit();
  };
}

}  // namespace

OutputDirectory::OutputDirectory(fs::path folder) : folder_(std::move(folder)) {
  if (folder_.empty()) reject("output folder", "its name is empty", "name a folder");
  std::error_code error;
  fs::path missing = fs::absolute(folder_, error).lexically_normal();
  if (!missing.has_filename()) missing = missing.parent_path();
  std::vector<fs::path> absent;
  while (!fs::exists(missing, error) && missing.has_relative_path()) {
    absent.push_back(missing);
    missing = missing.parent_path();
  }
  if (!fs::is_directory(missing, error))
    fail("cannot write " + folder_.string(), missing.string() + " is not a folder", "choose another folder");
  created_ = absent;
  try {
    fs::create_directories(folder_, error);
    if (error) fail_with(folder_, error.value());
    const fs::path probe = stage_path("probe");
    const std::string zeros(probe_bytes, '\0');
    write_file(probe, folder_, writer_of(zeros));
    ::unlink(probe.c_str());
    staged_.clear();
  } catch (...) {
    for (const fs::path& path : created_) ::rmdir(path.c_str());
    throw;
  }
}

OutputDirectory::~OutputDirectory() {
  for (const Staged& file : staged_) ::unlink(file.temporary.c_str());
  for (const fs::path& path : created_) ::rmdir(path.c_str());  // refuses what is not empty: nothing of value goes
}

fs::path OutputDirectory::stage_path(const std::string& name) {
  const fs::path target = folder_ / name;
  fs::path temporary = folder_ / ("." + name + "." + std::to_string(::getpid()) + ".part");
  staged_.push_back({temporary, target});
  return temporary;
}

void OutputDirectory::stage(const std::string& name, std::string_view content) {
  stage(name, writer_of(content));
}

void OutputDirectory::stage(const std::string& name, const std::function<void(const std::string& path)>& writer) {
  const fs::path temporary = stage_path(name);
  write_file(temporary, folder_ / name, writer);
}

void OutputDirectory::commit() {
  // A target that cannot be replaced is found before the first rename, so that old and new files never stand mixed.
  std::error_code error;
  for (const Staged& file : staged_)
    if (fs::is_directory(file.target, error)) fail_with(file.target, EISDIR);
  for (const Staged& file : staged_) {
    fs::rename(file.temporary, file.target, error);
    if (error) fail_with(file.target, error.value());
  }
  staged_.clear();
  created_.clear();
}

std::string safe_file_name(std::string_view name) {
  std::string safe;
  for (const char letter : name)
    safe +=
        letter == '/' || letter == '\\' || letter == '\0' || static_cast<unsigned char>(letter) < 0x20 ? '_' : letter;
  if (safe.empty() || safe == "." || safe == "..") return "_";
  if (safe.front() == '.') safe.front() = '_';
  constexpr std::size_t longest = 200;  // NAME_MAX is 255; the temporary name adds to it
  return safe.substr(0, longest);
}

}  // namespace tessera
