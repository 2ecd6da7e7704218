// The protocol under a clock that only the cases move.
#include "compare/measure.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace tessera {
namespace {

struct FakeMachine {
  double now = 0;
  std::vector<int> order;  ///< which case ran, call by call

  Clock clock() {
    return [this] { return now; };
  }
  Inference takes(int index, double seconds) {
    return [this, index, seconds] {
      order.push_back(index);
      now += seconds;
    };
  }
};

TEST(Measure, WarmsUpEachCaseThenRunsEachOncePerRound) {
  FakeMachine machine;
  const std::vector<Inference> cases = {machine.takes(0, 1), machine.takes(1, 2), machine.takes(2, 3)};
  const auto results = measure(cases, {.warmup = 4, .samples = 10}, machine.clock());
  ASSERT_EQ(machine.order.size(), 3U * (4 + 10));
  for (std::size_t call = 0; call < 12; ++call) EXPECT_EQ(machine.order[call], static_cast<int>(call / 4));
  for (std::size_t round = 12; round < machine.order.size(); round += 3) {
    const std::set<int> seen(machine.order.begin() + static_cast<std::ptrdiff_t>(round),
                             machine.order.begin() + static_cast<std::ptrdiff_t>(round + 3));
    EXPECT_EQ(seen.size(), 3U);
  }
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(results[i].seconds, std::vector<double>(10, static_cast<double>(i + 1)));
    EXPECT_FALSE(results[i].failure.has_value());
  }
}

TEST(Measure, OrderChangesBetweenRoundsAndRepeatsWithTheSeed) {
  const auto order_with = [](std::uint64_t seed) {
    FakeMachine machine;
    const std::vector<Inference> cases = {machine.takes(0, 1), machine.takes(1, 1), machine.takes(2, 1)};
    measure(cases, {.warmup = 0, .samples = 30, .seed = seed}, machine.clock());
    return machine.order;
  };
  const std::vector<int> order = order_with(1);
  std::vector<int> firsts;
  for (std::size_t round = 0; round < order.size(); round += 3) firsts.push_back(order[round]);
  for (const int index : {0, 1, 2}) EXPECT_GT(std::count(firsts.begin(), firsts.end(), index), 0);
  EXPECT_EQ(order, order_with(1));
  EXPECT_NE(order, order_with(2));
}

TEST(Measure, StopsWithinTheTimeBudget) {
  FakeMachine machine;
  const std::vector<Inference> cases = {machine.takes(0, 1), machine.takes(1, 1)};
  // Warm-up may take a fifth of the 100 s, 10 s for each case; 80 s are left for 40 rounds of 2 s.
  const auto results = measure(cases, {.warmup = 20, .samples = 1000, .max_seconds = 100}, machine.clock());
  EXPECT_LE(machine.now, 100.0);
  EXPECT_EQ(results[0].seconds.size(), 40U);
  EXPECT_EQ(results[1].seconds.size(), 40U);
}

TEST(Measure, TakesThreeSamplesWhenTheBudgetIsTooSmall) {
  FakeMachine machine;
  const std::vector<Inference> cases = {machine.takes(0, 50)};
  const auto results = measure(cases, {.warmup = 20, .samples = 1000, .max_seconds = 1}, machine.clock());
  EXPECT_EQ(results[0].seconds.size(), 3U);
  EXPECT_EQ(machine.order.size(), 4U);  // one warm-up
}

TEST(Measure, ACaseThatThrowsLeavesAndTheOthersGoOn) {
  FakeMachine machine;
  int calls = 0;
  const Inference breaks = [&] {
    machine.now += 1;
    if (++calls == 5) throw std::runtime_error("the kernel gave up");
  };
  const std::vector<Inference> cases = {machine.takes(0, 1), breaks};
  const auto results = measure(cases, {.warmup = 2, .samples = 10}, machine.clock());
  EXPECT_EQ(results[0].seconds.size(), 10U);
  EXPECT_FALSE(results[0].failure.has_value());
  ASSERT_TRUE(results[1].failure.has_value());
  EXPECT_EQ(*results[1].failure, "the kernel gave up");
  EXPECT_EQ(calls, 5);
}

TEST(Measure, AllFailingInWarmUpEndsAtOnce) {
  FakeMachine machine;
  const std::vector<Inference> cases = {[] { throw std::bad_alloc(); }};
  const auto results = measure(cases, {.warmup = 20, .samples = 10}, machine.clock());
  EXPECT_EQ(results[0].failure, "out of memory");
  EXPECT_TRUE(results[0].seconds.empty());
}

TEST(Measure, ProgressGrowsToTheEnd) {
  FakeMachine machine;
  const std::vector<Inference> cases = {machine.takes(0, 1), machine.takes(1, 1)};
  std::vector<double> fractions;
  int rounds = 0;
  measure(cases, {.warmup = 3, .samples = 7}, machine.clock(), [&](const MeasureProgress& progress) {
    fractions.push_back(progress.fraction);
    rounds = progress.rounds;
  });
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_DOUBLE_EQ(fractions.back(), 1.0);
  EXPECT_EQ(rounds, 6);  // the last report comes inside the seventh round
}

TEST(Measure, StoppingKeepsWhatWasMeasured) {
  FakeMachine machine;
  const std::vector<Inference> cases = {machine.takes(0, 1), machine.takes(1, 1)};
  const auto results =
      measure(cases, {.warmup = 1, .samples = 100}, machine.clock(), {}, [&] { return machine.order.size() >= 9; });
  EXPECT_EQ(machine.order.size(), 9U);  // two to warm up, three rounds and a half
  EXPECT_EQ(results[0].seconds.size() + results[1].seconds.size(), 7U);
  EXPECT_FALSE(results[0].failure || results[1].failure);
}

TEST(Measure, NoCasesIsNoWork) {
  FakeMachine machine;
  EXPECT_TRUE(measure({}, {}, machine.clock()).empty());
}

}  // namespace
}  // namespace tessera
