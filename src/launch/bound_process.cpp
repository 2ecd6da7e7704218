#include "launch/bound_process.hpp"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "core/error.hpp"

namespace tessera {
namespace {

/// What the child says of itself before its program begins, and, if that fails, once more.
struct Progress {
  int cpu_error = 0, memory_error = 0, start_error = 0;
};

constexpr std::size_t most_cpus = 8192, most_nodes = 1024;

int bind_cpus(const std::vector<int>& cpus) noexcept {
  std::array<cpu_set_t, most_cpus / CPU_SETSIZE> mask{};
  for (const int cpu : cpus) CPU_SET_S(static_cast<std::size_t>(cpu), sizeof mask, mask.data());
  return sched_setaffinity(0, sizeof mask, mask.data()) == 0 ? 0 : errno;
}

int bind_memory(const std::vector<int>& nodes) noexcept {
  constexpr std::size_t bits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, most_nodes / bits> mask{};
  for (const int node : nodes)
    if (const auto at = static_cast<std::size_t>(node); at < most_nodes) mask[at / bits] |= 1UL << (at % bits);
  return syscall(SYS_set_mempolicy, MPOL_BIND, mask.data(), most_nodes) == 0 ? 0 : errno;
}

/// Between fork and exec: no allocation, no exception.
[[noreturn]] void become(const ProcessRequest& request, char* const* words, char* const* variables,
                         int report) noexcept {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  Progress progress;
  progress.cpu_error = bind_cpus(request.cpus);
  if (!request.nodes.empty()) progress.memory_error = bind_memory(request.nodes);
  if (request.out >= 0) dup2(request.out, STDOUT_FILENO);
  if (request.err >= 0) dup2(request.err, STDERR_FILENO);
  [[maybe_unused]] ssize_t written = write(report, &progress, sizeof progress);
  execvpe(words[0], words, variables);
  progress.start_error = errno;
  written = write(report, &progress, sizeof progress);
  _exit(127);
}

/// The words as exec takes them; they live as long as `words`.
std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

/// The variables of this process, less those that `changed` sets, and these.
std::vector<std::string> environment_with(const std::vector<std::string>& changed) {
  std::vector<std::string> all = changed;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    if (std::ranges::none_of(changed, [&](const std::string& other) { return other.starts_with(name); }))
      all.emplace_back(text);
  }
  return all;
}

Progress read_progress(int from) {
  Progress progress, next;
  while (read(from, &next, sizeof next) == static_cast<ssize_t>(sizeof next)) progress = next;
  return progress;
}

}  // namespace

BoundProcess start_bound(const ProcessRequest& request) {
  std::vector<std::string> words = request.command, variables = environment_with(request.environment);
  const std::vector<char*> word_list = pointers(words), variable_list = pointers(variables);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) fail("launch", std::string("no pipe: ") + std::strerror(errno));
  const pid_t pid = fork();
  if (pid == 0) become(request, word_list.data(), variable_list.data(), report[1]);
  const int error = errno;
  close(report[1]);
  const Progress progress = pid > 0 ? read_progress(report[0]) : Progress{};
  close(report[0]);
  if (pid < 0)
    fail("launch", std::string("no process: ") + std::strerror(error), "end other processes, or raise ulimit -u");
  if (progress.start_error != 0) {
    waitpid(pid, nullptr, 0);
    reject("launch " + request.command.front(), std::strerror(progress.start_error),
           "give a program that exists, by its path or on the PATH");
  }
  return {pid, progress.cpu_error, progress.memory_error};
}

}  // namespace tessera
