#include "allocation/failing_malloc.hpp"

#include <link.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tessera::testing {
namespace {

std::atomic<bool> armed = false;
std::atomic<Failing> failing = Failing::none;
std::atomic<long> allocations = 0, first_failure = 0;

/// Where the code of libicuuc lies, through which all of ICU allocates; nowhere where it is not spared.
std::atomic<std::uintptr_t> icu_begin = 0, icu_end = 0;

int note_icu(dl_phdr_info* library, std::size_t /*bytes*/, void* /*unused*/) {
  if (std::strstr(library->dlpi_name, "/libicuuc.so") == nullptr) return 0;
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& segment = library->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    icu_begin = library->dlpi_addr + segment.p_vaddr;
    icu_end = icu_begin + segment.p_memsz;
  }
  return 1;
}

bool fails_now(const void* caller) noexcept {
  if (!armed) return false;
  if (const auto place = reinterpret_cast<std::uintptr_t>(caller); place >= icu_begin && place < icu_end) return false;
  const long number = ++allocations;
  if (failing == Failing::once) return number == first_failure;
  return failing == Failing::lasting && number >= first_failure;
}

void say_where(int signal) {
  char text[96];
  const int length = std::snprintf(text, sizeof text, "signal %d: allocation %ld failed%s\n", signal,
                                   first_failure.load(), failing == Failing::lasting ? ", and all behind it" : "");
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, static_cast<std::size_t>(length));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void spare_icu(bool spared) noexcept {
  icu_begin = icu_end = 0;
  if (spared) dl_iterate_phdr(note_icu, nullptr);
}

void begin_failing(Failing how, long first) noexcept {
  allocations = 0;
  first_failure = first;
  failing = how;
  armed = true;
}

long end_failing() noexcept {
  armed = false;
  return allocations;
}

void name_failure_in_crashes() noexcept {
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(signal, say_where);
}

}  // namespace tessera::testing

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) {
  if (!tessera::testing::fails_now(__builtin_return_address(0))) return __libc_malloc(bytes);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t count, std::size_t bytes) {
  if (!tessera::testing::fails_now(__builtin_return_address(0))) return __libc_calloc(count, bytes);
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* memory, std::size_t bytes) {
  if (bytes == 0 || !tessera::testing::fails_now(__builtin_return_address(0))) return __libc_realloc(memory, bytes);
  errno = ENOMEM;
  return nullptr;
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  if (!tessera::testing::fails_now(__builtin_return_address(0))) return __libc_memalign(alignment, bytes);
  errno = ENOMEM;
  return nullptr;
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  if (tessera::testing::fails_now(__builtin_return_address(0))) return ENOMEM;
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}
}
