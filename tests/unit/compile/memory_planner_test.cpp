#include <gtest/gtest.h>

#include <random>

#include "compile/layout/memory_planner.hpp"
#include "core/memory.hpp"

namespace tessera {
namespace {

bool overlap(const Lifetime& a, std::size_t a_at, const Lifetime& b, std::size_t b_at) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a_at < b_at + b.bytes && b_at < a_at + a.bytes;
  return in_time && in_space && a.bytes > 0 && b.bytes > 0;
}

TEST(MemoryPlanner, ReusesMemoryOfDeadBuffers) {
  const Lifetime lives[] = {{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}};
  const ArenaLayout layout = plan_arena(lives);
  // Two are alive at any time, never more.
  EXPECT_EQ(layout.bytes, 2 * round_up(1000, cache_line));
}

TEST(MemoryPlanner, NothingToPlace) {
  EXPECT_EQ(plan_arena({}).bytes, 0U);
}

TEST(MemoryPlanner, RandomLifetimesNeverOverlapAndStayAligned) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lives(1 + random() % 40);
    for (Lifetime& life : lives) {
      life.bytes = random() % 5000;
      life.first = static_cast<int>(random() % 30);
      life.last = life.first + static_cast<int>(random() % 10);
    }
    const ArenaLayout layout = plan_arena(lives);
    for (std::size_t i = 0; i < lives.size(); ++i) {
      EXPECT_EQ(layout.offsets[i] % cache_line, 0U);
      EXPECT_LE(layout.offsets[i] + lives[i].bytes, layout.bytes);
      for (std::size_t j = 0; j < i; ++j)
        ASSERT_FALSE(overlap(lives[i], layout.offsets[i], lives[j], layout.offsets[j]))
            << round << ": " << i << ", " << j;
    }
  }
}

}  // namespace
}  // namespace tessera
