// TuningCache: what timing has found out about layers, kept in a small JSON file between sessions. A file that cannot
// be used costs time and nothing else: it is said in `warning`, layers are timed again, and the file is replaced.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace tessera {

/// Seconds by way.
using WayTimes = std::map<std::string, double>;

class TuningCache {
 public:
  /// Reads the file; one that does not exist yet is as good as empty. No path: nothing is kept.
  explicit TuningCache(std::string path);

  /// The times under `key`, in the order of `ways`; nothing unless it has exactly these ways.
  [[nodiscard]] std::vector<double> find(const std::string& key, std::span<const std::string> ways) const;
  void put(const std::string& key, std::span<const std::string> ways, std::span<const double> seconds);

  /// Writes what was put, and what other processes have written since; at once or not at all. Throws nothing for a file
  /// that cannot be written.
  void save();

  /// Why the file could not be read or written; empty if it could.
  [[nodiscard]] const std::string& warning() const noexcept { return warning_; }

 private:
  std::string path_, warning_;
  std::map<std::string, WayTimes> known_, fresh_;
};

}  // namespace tessera
