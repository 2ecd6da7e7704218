// A child process that is bound to CPUs and NUMA nodes before its program begins.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace tessera {

struct BoundProcess {
  pid_t pid = -1;
  int cpu_error = 0, memory_error = 0;  ///< errno of a binding that the system refused; 0: done, or not asked for
};

struct ProcessRequest {
  std::vector<std::string> command, environment;  ///< NAME=VALUE besides the variables of this process
  std::vector<int> cpus;                          ///< may run on these
  std::vector<int> nodes;                         ///< may allocate on these; empty: anywhere
  int out = -1, err = -1;                         ///< descriptors for its output; -1: those of this process
};

/// Starts the program with no signal blocked. The calling process must have one thread. Error{invalid} when there is no
/// such program.
BoundProcess start_bound(const ProcessRequest& request);

}  // namespace tessera
