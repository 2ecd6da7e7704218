// What instances of `tessera compare` achieved, for `tessera launch` to add up: each writes its rows to
// the file that the variable below names, the launcher reads and adds them.
#pragma once

#include <string>
#include <vector>

namespace tessera {

/// Set by the launcher for each instance: the path of a file that does not exist yet.
inline constexpr const char* launch_result_variable = "TESSERA_LAUNCH_RESULT";

struct ThroughputRow {
  std::string model, name;  ///< name: the case, "int8@avx512_core_vnni"
  double per_s = 0;         ///< inferences times batch
};

/// The file appears complete or not at all. Error{failed} when it cannot be written.
void write_throughput(const std::string& path, const std::vector<ThroughputRow>& rows);
/// Nothing where the file does not exist: the instance was another program, or failed. Error{invalid} when it is
/// damaged.
std::vector<ThroughputRow> read_throughput(const std::string& path);

/// One model and case over all instances that ran it.
struct ThroughputSum {
  std::string model, name;
  int instances = 0;
  double per_s = 0, least = 0, most = 0;  ///< their sum, and the slowest and fastest of them
};
/// In the order in which model and case first appear.
std::vector<ThroughputSum> add_up(const std::vector<std::vector<ThroughputRow>>& instances);

}  // namespace tessera
