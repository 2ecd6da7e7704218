#include "cpu/guarded_call.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <csignal>

namespace tessera {
namespace {

void do_nothing() noexcept {}
void undefined_instruction() noexcept {
  asm volatile("ud2");
}
void read_address_zero() noexcept {
  asm volatile("movq 0, %%rax" ::: "rax", "memory");
}

TEST(GuardedCall, CodeThatReturnsSurvives) {
  EXPECT_TRUE(runs_without_fault(do_nothing));
}

TEST(GuardedCall, FaultsAreReportedAgainAndAgain) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(runs_without_fault(undefined_instruction));
    EXPECT_FALSE(runs_without_fault(read_address_zero));
    EXPECT_TRUE(runs_without_fault(do_nothing));
  }
}

void some_handler(int) {}

TEST(GuardedCall, HandlersComeBack) {
  struct sigaction mine {
  }, original{}, after{};
  mine.sa_handler = some_handler;
  sigemptyset(&mine.sa_mask);
  for (const int signal : {SIGILL, SIGSEGV}) {
    ASSERT_EQ(sigaction(signal, &mine, &original), 0);
    EXPECT_FALSE(runs_without_fault(undefined_instruction));
    ASSERT_EQ(sigaction(signal, &original, &after), 0);
    EXPECT_EQ(after.sa_handler, some_handler) << signal;
  }
}

TEST(GuardedCall, ABlockedSignalIsCaughtAndStaysBlocked) {
  sigset_t ill, before, after;
  sigemptyset(&ill);
  sigaddset(&ill, SIGILL);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &ill, &before), 0);
  EXPECT_FALSE(runs_without_fault(undefined_instruction));
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, &after), 0);
  EXPECT_EQ(sigismember(&after, SIGILL), 1);
  EXPECT_EQ(sigismember(&after, SIGSEGV), sigismember(&before, SIGSEGV));
}

}  // namespace
}  // namespace tessera
