// The physical cores that this process may use: what placing threads, streams and instances starts from.
#pragma once

#include <string>
#include <vector>

namespace tessera {

struct Core {
  std::vector<int> cpus;  ///< its allowed hardware threads, OS indices, ascending; at least one
  int node = 0;           ///< NUMA node, OS index
  int package = 0;        ///< socket, counted from 0
  int kind = 0;           ///< rank of its kind on a hybrid CPU: the highest is the fastest; 0 where all are alike
};

/// The cores that have a CPU in `allowed` (OS indices), in the order of the topology. A CPU that belongs to no core
/// counts as a core of its own. Where the system's topology cannot be read every CPU is a core of node 0.
/// `description` stands for this machine in tests: words of hwloc's synthetic topologies, or a path that ends in .xml.
std::vector<Core> read_cores(const std::vector<int>& allowed, const char* description = nullptr);

/// "0-3,8,10-11" as CPU numbers, ascending and without repeats. Error{invalid} that names `subject` for anything else.
std::vector<int> parse_cpu_list(const std::string& text, const std::string& subject);

/// The shortest such text for these numbers.
std::string cpu_list(std::vector<int> cpus);

}  // namespace tessera
