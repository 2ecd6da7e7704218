// Running several instances of a program, each on its own cores: start, gather what they print, wait.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "launch/placement.hpp"

namespace tessera {

struct LaunchRequest {
  std::vector<std::string> command;
  Placement placement;
  bool bind_memory = false;  ///< allocate on the nodes of the instance's cores only
  std::string log_dir;       ///< what instance i prints goes to LOG_DIR/instance-i.log; empty: to `line`
  /// Variables set for instance i besides those inherited: NAME=VALUE.
  std::function<std::vector<std::string>(std::size_t)> environment;
  /// A line of instance i's standard output or standard error, without its end. Called on the calling thread.
  std::function<void(std::size_t instance, bool is_error, std::string_view line)> line;
  /// A line for people about what could not be done: binding that the system refused.
  std::function<void(const std::string&)> note;
};

struct InstanceResult {
  int status = 0;  ///< exit status, or 128 + the signal that ended it
  double seconds = 0;
  bool bound = false;  ///< its CPUs were bound as placed
};

/// Starts all instances and returns when all have ended, in the order of the placement. SIGINT, SIGTERM and SIGHUP that
/// arrive meanwhile are passed on to them. One that fails costs the others nothing. Error{invalid} when the program
/// cannot be started, Error{failed} when a log cannot be written.
std::vector<InstanceResult> run_instances(const LaunchRequest& request);

}  // namespace tessera
