// What happens when memory runs out: every allocation of loading, compiling and running fails once, and all fail from
// every one on. Nothing but an exception may come of it, and with memory again everything works again.
//
// malloc and its relatives are replaced, so that the libraries below are tested with it, in a program of its own. By
// default some sixty places, spread over all of them, are tried; TESSERA_EVERY_ALLOCATION=1 tries each.
#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "cpu/topology.hpp"
#include "unit/engine/session_support.hpp"

namespace {

enum class Failing { none, once, lasting };

std::atomic<bool> armed = false;
std::atomic<Failing> failing = Failing::none;
std::atomic<long> allocations = 0, first_failure = 0;

bool fails_now() noexcept {
  if (!armed) return false;
  const long number = ++allocations;
  if (failing == Failing::once) return number == first_failure;
  return failing == Failing::lasting && number >= first_failure;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  if (!fails_now()) return __libc_malloc(bytes);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t count, std::size_t bytes) {
  if (!fails_now()) return __libc_calloc(count, bytes);
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* memory, std::size_t bytes) {
  if (bytes == 0 || !fails_now()) return __libc_realloc(memory, bytes);
  errno = ENOMEM;
  return nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (!fails_now()) return __libc_memalign(alignment, bytes);
  errno = ENOMEM;
  return nullptr;
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  if (fails_now()) return ENOMEM;
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}

namespace tessera {
namespace {

/// A crash says where it was.
void say_where(int signal) {
  char text[96];
  const int length = std::snprintf(text, sizeof text, "signal %d: allocation %ld failed%s\n", signal,
                                   first_failure.load(), failing == Failing::lasting ? ", and all behind it" : "");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, static_cast<std::size_t>(length));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

class AllocationFailure : public testing::SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(signal, say_where);
    // What is read once and kept: hwloc does not survive a failed allocation of its own.
    detect_topology();
    work();
  }

  /// Loads, compiles for every precision and runs, alone and in a batch that is split.
  void work() const {
    const Model model = Model::load(path_);
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
      Session session = model.compile({.precision = precision, .threads = 2, .calibration = {inputs_}});
      session.run(inputs_);
      session.run(batch_);
    }
  }

  /// Whether the work came to its end with these failures. Anything but an exception ends the program.
  bool survives(Failing how, long first) const {
    allocations = 0;
    first_failure = first;
    failing = how;
    armed = true;
    bool done = false;
    try {
      work();
      done = true;
    } catch (const Error&) {
    } catch (const std::bad_alloc&) {
    } catch (const std::exception&) {
      armed = false;
      ADD_FAILURE() << "allocation " << first << ": neither an Error nor std::bad_alloc";
    }
    armed = false;
    return done;
  }

  void try_all(Failing how) {
    ASSERT_TRUE(survives(Failing::none, 0));
    const long all = allocations;
    ASSERT_GT(all, 1000);
    constexpr long places = 60;
    const long step = std::getenv("TESSERA_EVERY_ALLOCATION") != nullptr ? 1 : std::max(1L, all / places);
    long failed = 0;
    for (long first = 1; first <= all; first += step) failed += survives(how, first) ? 0 : 1;
    EXPECT_GT(failed, places / 2);
    EXPECT_TRUE(survives(Failing::none, 0));
  }

  TensorMap inputs_ = image(1), batch_ = image(5);
};

TEST_F(AllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(AllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

}  // namespace
}  // namespace tessera
