#include "cpu/team.hpp"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "cpu/affinity.hpp"
#include "unit/support/rounds.hpp"

namespace tessera {
namespace {

/// run() takes a plain function and a context; tests say it as a lambda.
template <typename Work>
void run(ThreadTeam& team, Work work) {
  team.run([](void* context, int member) noexcept { (*static_cast<Work*>(context))(member); }, &work);
}

class TeamOf : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Members, TeamOf, testing::Values(1, 2, 3, 5), testing::PrintToStringParamName());

TEST_P(TeamOf, EveryMemberRunsExactlyOncePerRun) {
  ThreadTeam team(GetParam());
  ASSERT_EQ(team.size(), GetParam());
  std::vector<int> calls(static_cast<std::size_t>(GetParam()), 0);  // each written by its member only
  for (int i = 1; i <= 1000; ++i) {
    run(team, [&](int member) { ++calls[static_cast<std::size_t>(member)]; });
    ASSERT_EQ(calls, std::vector<int>(calls.size(), i));
  }
}

TEST_P(TeamOf, TheCallerIsMemberZeroAndMembersAreDistinctThreads) {
  ThreadTeam team(GetParam());
  std::vector<std::thread::id> first(static_cast<std::size_t>(GetParam())), second = first;
  run(team, [&](int member) { first[static_cast<std::size_t>(member)] = std::this_thread::get_id(); });
  run(team, [&](int member) { second[static_cast<std::size_t>(member)] = std::this_thread::get_id(); });
  EXPECT_EQ(first[0], std::this_thread::get_id());
  EXPECT_EQ(first, second) << "members are persistent threads";
  std::ranges::sort(first);
  EXPECT_EQ(std::ranges::adjacent_find(first), first.end());
}

/// Plain ints, no atomics: each round every member writes its slot, then reads all others'. Only the barrier orders
/// them.
TEST_P(TeamOf, BarrierOrdersManyRounds) {
  ThreadTeam team(GetParam());
  const auto members = static_cast<std::size_t>(GetParam());
  std::vector<int> slots(members, 0), wrong(members, 0);
  run(team, [&](int member) {
    const auto me = static_cast<std::size_t>(member);
    for (int round = 1; round <= test::rounds(10'000); ++round) {
      slots[me] = round;
      team.barrier();
      for (const int slot : slots) wrong[me] += slot != round;
      team.barrier();
    }
  });
  EXPECT_EQ(wrong, std::vector<int>(members, 0));
}

TEST_P(TeamOf, MembersFlushDenormalsAndRoundToNearest) {
  ThreadTeam team(GetParam());
  const unsigned original = _mm_getcsr();
  _mm_setcsr(0x1f80 | _MM_ROUND_UP);
  std::vector<unsigned> inside(static_cast<std::size_t>(GetParam()), 0);
  std::vector<float> products(inside.size(), 1.0f);
  const volatile float smallest = std::numeric_limits<float>::min(), half = 0.5f;
  for (int i = 0; i < 2; ++i) {
    run(team, [&](int member) {
      const auto me = static_cast<std::size_t>(member);
      inside[me] = _mm_getcsr();
      products[me] = smallest * half;
      _mm_setcsr(0x1f80 | _MM_ROUND_DOWN);  // what a member leaves behind must not reach the caller or the next run
    });
    EXPECT_EQ(_mm_getcsr(), 0x1f80u | _MM_ROUND_UP);
    EXPECT_EQ(inside, std::vector<unsigned>(inside.size(), 0x1f80 | 0x8000 | 0x0040));
    EXPECT_EQ(products, std::vector<float>(products.size(), 0.0f));
  }
  _mm_setcsr(original);
  EXPECT_GT(smallest * half, 0.0f);
}

TEST_P(TeamOf, RunsAfterItsWorkersHaveParked) {
  ThreadTeam team(GetParam());
  std::atomic<int> calls = 0;
  for (int i = 1; i <= 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far beyond the spin
    run(team, [&](int) { ++calls; });
    ASSERT_EQ(calls, i * GetParam());
  }
}

/// Runs that come just when workers give up spinning, where a wake-up call could be lost.
TEST_P(TeamOf, RunsAtAnyMomentOfParking) {
  ThreadTeam team(GetParam());
  std::atomic<int> calls = 0;
  for (int i = 0; i < 300; ++i) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(i * 5);
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    run(team, [&](int) { ++calls; });
  }
  EXPECT_EQ(calls, 300 * GetParam());
}

TEST_P(TeamOf, EndsWithoutARunAndWhileParked) {
  { const ThreadTeam team(GetParam()); }
  const ThreadTeam team(GetParam());
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TEST_P(TeamOf, TwoTeamsRunAtOnceFromTwoThreads) {
  std::vector<std::thread> callers;
  std::vector<int> wrong(2, 0);
  const std::vector<int> cpus = affinity_mask();
  for (int& errors : wrong) {
    callers.emplace_back([&errors, &cpus, members = GetParam()] {
      ThreadTeam team(members, cpus);
      std::vector<int> sums(static_cast<std::size_t>(members), 0);
      for (int i = 0; i < 200; ++i) {
        run(team, [&](int member) {
          sums[static_cast<std::size_t>(member)] = member + i;
          team.barrier();
          const int total = std::accumulate(sums.begin(), sums.end(), 0);
          team.barrier();
          if (member == 0) errors += total != members * i + members * (members - 1) / 2;
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, std::vector<int>(2, 0));
}

TEST_P(TeamOf, TeamsTakeTurnsOnTheSameCpus) {
  const std::vector<int> cpus = affinity_mask();
  ThreadTeam one(GetParam(), cpus), other(GetParam(), cpus);
  std::vector<int> calls(static_cast<std::size_t>(GetParam()), 0);
  for (int i = 0; i < 200; ++i) {
    run(i % 2 == 0 ? one : other, [&](int member) { ++calls[static_cast<std::size_t>(member)]; });
  }
  EXPECT_EQ(calls, std::vector<int>(calls.size(), 200));
}

TEST(Team, WorkersArePinnedAndTheCallersMaskIsLeftAlone) {
  const std::vector<int> mask = affinity_mask();
  ASSERT_FALSE(mask.empty());
  ThreadTeam team(3, std::vector<int>{mask.front(), mask.back(), mask.front()});
  std::vector<std::vector<int>> masks(3);
  run(team, [&](int member) { masks[static_cast<std::size_t>(member)] = affinity_mask(); });
  EXPECT_EQ(masks[0], mask);
  EXPECT_EQ(masks[1], std::vector<int>{mask.back()});
  EXPECT_EQ(masks[2], std::vector<int>{mask.front()});
  EXPECT_EQ(affinity_mask(), mask);
}

TEST(Team, CpusOutsideTheMaskAreIgnored) {
  const std::vector<int> mask = affinity_mask();
  ThreadTeam team(3, std::vector<int>{-1, mask.back() + 1, 1 << 20});
  std::vector<std::vector<int>> masks(3);
  run(team, [&](int member) { masks[static_cast<std::size_t>(member)] = affinity_mask(); });
  EXPECT_EQ(masks, std::vector(3, mask));
}

TEST(Team, TheCallerLeavesItsWorkersCpu) {
  const std::vector<int> mask = affinity_mask();
  if (mask.size() < 2) GTEST_SKIP() << "one CPU: nowhere to go";
  ThreadTeam team(2, mask);
  int started_there = 0, left = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(move_to(mask[1]));
    const bool there = current_cpu() == mask[1];
    bool still_there = true;
    run(team, [&](int member) {
      if (member == 0) still_there = current_cpu() == mask[1];
    });
    started_there += there;
    left += there && !still_there;
  }
  // On a busy machine the kernel moves threads too, so not every single run has to show it.
  EXPECT_GT(left * 2, started_there);
  EXPECT_EQ(affinity_mask(), mask);
}

TEST(Team, CountsBelowOneAreRefused) {
  for (const int threads : {0, -3}) {
    try {
      const ThreadTeam team(threads);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid);
      EXPECT_EQ(error.subject(), "threads");
    }
  }
}

}  // namespace
}  // namespace tessera
