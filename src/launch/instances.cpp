#include "launch/instances.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/error.hpp"
#include "launch/bound_process.hpp"

namespace tessera {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() noexcept {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }
  [[nodiscard]] int get() const noexcept { return number_; }

 private:
  int number_;
};

/// While it lives, the signals that end or stop programs, and those of children, are read instead of acted upon.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, &before_);
    descriptor_ = Descriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (descriptor_.get() < 0) fail("launch", std::string("signals cannot be read: ") + std::strerror(errno));
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
  /// The next signal that a program, not the terminal, sent: the terminal's reach the children by themselves. 0: none.
  int next_to_pass_on() noexcept {
    signalfd_siginfo info;
    while (read(descriptor_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      if (info.ssi_signo != SIGCHLD && info.ssi_code <= 0) return static_cast<int>(info.ssi_signo);
    return 0;
  }

 private:
  sigset_t before_{};
  Descriptor descriptor_;
};

/// One end of a pipe whose lines go to somebody, whole, as they arrive.
struct LineReader {
  std::size_t instance = 0;
  bool is_error = false;
  Descriptor from;
  std::string rest;

  /// False when the other end is closed.
  bool read_some(const LaunchRequest& request) {
    char bytes[4096];
    const ssize_t count = read(from.get(), bytes, sizeof bytes);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count > 0) rest.append(bytes, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
      request.line(instance, is_error, std::string_view(rest).substr(begin, end - begin));
    rest.erase(0, begin);
    if (count > 0) return true;
    if (!rest.empty()) request.line(instance, is_error, rest);
    rest.clear();
    return false;
  }
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Launch {
 public:
  explicit Launch(const LaunchRequest& request) : request_(request), results_(request.placement.instances.size()) {}

  std::vector<InstanceResult> run() {
    begun_ = now();
    try {
      for (std::size_t i = 0; i < results_.size(); ++i) start(i);
    } catch (...) {
      pass_on(SIGTERM);
      while (running_ > 0) wait_for_something();
      throw;
    }
    while (running_ > 0 || !readers_.empty()) {
      // What a child left running may keep the pipe open; nobody waits for that.
      if (running_ == 0) {
        for (LineReader& reader : readers_) reader.read_some(request_);
        break;
      }
      wait_for_something();
    }
    return results_;
  }

 private:
  Descriptor open_log(std::size_t instance) const {
    const std::string path = request_.log_dir + "/instance-" + std::to_string(instance) + ".log";
    Descriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (log.get() < 0) fail(path, std::strerror(errno), "choose another --log-dir");
    return log;
  }

  Descriptor open_pipe(std::size_t instance, bool is_error) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("launch", std::string("no pipe: ") + std::strerror(errno), "raise ulimit -n");
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    readers_.push_back({instance, is_error, Descriptor(ends[0]), {}});
    return Descriptor(ends[1]);
  }

  void start(std::size_t instance) {
    const InstancePlace& place = request_.placement.instances[instance];
    Descriptor out, err;
    if (!request_.log_dir.empty()) {
      out = open_log(instance);
    } else if (request_.line) {
      out = open_pipe(instance, false);
      err = open_pipe(instance, true);
    }
    const ProcessRequest process = {
        request_.command, request_.environment ? request_.environment(instance) : std::vector<std::string>{},
        place.cpus,       request_.bind_memory ? place.nodes : std::vector<int>{},
        out.get(),        request_.log_dir.empty() ? err.get() : out.get()};
    const BoundProcess started = start_bound(process);
    children_.push_back(started.pid);
    ++running_;
    results_[instance].bound = started.cpu_error == 0;
    tell_refusal(instance, "CPUs " + cpu_list(place.cpus), started.cpu_error);
    tell_refusal(instance, "memory", started.memory_error);
  }

  void tell_refusal(std::size_t instance, const std::string& thing, int error) const {
    if (error == 0 || !request_.note) return;
    request_.note("instance " + std::to_string(instance) + " runs without binding of " + thing + ": " +
                  std::strerror(error));
  }

  void pass_on(int signal) const {
    for (const pid_t child : children_)
      if (child > 0) kill(child, signal);
  }

  void wait_for_something() {
    std::vector<pollfd> waits = {{signals_.descriptor(), POLLIN, 0}};
    for (const LineReader& reader : readers_) waits.push_back({reader.from.get(), POLLIN, 0});
    if (poll(waits.data(), waits.size(), -1) < 0) return;
    std::vector<LineReader> open;
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (waits[i + 1].revents == 0 || readers_[i].read_some(request_)) open.push_back(std::move(readers_[i]));
    readers_ = std::move(open);
    while (const int signal = signals_.next_to_pass_on()) pass_on(signal);
    reap();
  }

  void reap() {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      int status = 0;
      if (children_[i] <= 0 || waitpid(children_[i], &status, WNOHANG) != children_[i]) continue;
      children_[i] = -1;
      --running_;
      results_[i].status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      results_[i].seconds = now() - begun_;
    }
  }

  const LaunchRequest& request_;
  Signals signals_;
  std::vector<InstanceResult> results_;
  std::vector<pid_t> children_;  // -1: ended
  std::vector<LineReader> readers_;
  std::size_t running_ = 0;
  double begun_ = 0;
};

}  // namespace

std::vector<InstanceResult> run_instances(const LaunchRequest& request) {
  if (request.command.empty()) reject("launch", "no command given", "write it behind --");
  if (!request.log_dir.empty()) {
    std::error_code error;
    std::filesystem::create_directories(request.log_dir, error);
    if (error) fail(request.log_dir, error.message(), "choose another --log-dir");
  }
  return Launch(request).run();
}

}  // namespace tessera
