// What is particular to kernels that use tiles; everything else is in brgemm_test.cpp. Each test runs with the
// tiles of the CPU, where there are any, and with tiles in plain C++, which the sanitizers see into.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "cpu/features.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "unit/kernels/brgemm_support.hpp"
#include "unit/kernels/brgemm_tiles/kernels.hpp"

namespace tessera::testing {
namespace {

class BrgemmAmx : public ::testing::TestWithParam<const BrgemmKernel*> {
 protected:
  void SetUp() override {
    if (const auto reason = why_unavailable(cpu_features(), kernel().isa))
      GTEST_SKIP() << kernel().name << ": " << *reason;
  }
  static const BrgemmKernel& kernel() { return *GetParam(); }
};

std::vector<const BrgemmKernel*> kernels_with_tiles() {
  std::vector<const BrgemmKernel*> kernels;
  for (const BrgemmKernel& kernel : all_brgemm())
    if (has_tiles(kernel.isa) && (kernel.a == DataType::u8 || kernel.a == DataType::bf16)) kernels.push_back(&kernel);
  for (const BrgemmKernel& kernel : plain_tile_kernels()) kernels.push_back(&kernel);
  return kernels;
}

TEST_P(BrgemmAmx, EveryHeightInOneSession) {
  BrgemmOptions o;
  o.small_integers = true;
  o.n = kernel().nr - 5;
  TileSession tiles;
  for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{64, 64}, {21, 21, 21}, {3}}) {
    o.segment_k = segment_k;
    // Every height of one part and of two; what follows repeats them.
    for (o.m = 1; o.m <= 70; o.m += o.m < 34 ? 1 : 5) {
      o.uneven_rows = o.m % 3 == 0;
      const BrgemmCase problem(kernel(), o);
      EXPECT_TRUE(problem.run_in(tiles) == problem.reference())
          << "m " << o.m << " first segment " << segment_k.front();
    }
  }
}

/// Threads share the rows: neither the height of a tile nor whether its rows are copied may change a bit of a sum.
TEST_P(BrgemmAmx, SumsDoNotDependOnHowRowsAreGrouped) {
  BrgemmOptions o;
  o.m = 70;
  o.n = kernel().nr;
  for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{300, 300}, {21, 21, 21, 21, 21, 21, 21}, {65}}) {
    o.segment_k = segment_k;
    o.uneven_rows = false;
    const BrgemmCase even(kernel(), o);
    const auto expected = even.run();
    o.uneven_rows = true;
    EXPECT_TRUE(BrgemmCase(kernel(), o).run() == expected);
    for (const int rows : {1, 16, 17, 33}) {
      const auto in_groups = even.run([&](const BrgemmBlock& block) {
        for (int row = 0; row < block.m; row += rows) {
          BrgemmBlock group = block;
          group.a_rows += row;
          group.c_rows += row;
          group.m = std::min(rows, block.m - row);
          kernel().run(group);
        }
      });
      EXPECT_TRUE(in_groups == expected) << "in groups of " << rows;
    }
  }
}

/// Memory whose last byte is followed by a page that must not be touched.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    mapped_ = round_up(bytes, page_) + page_;
    base_ = static_cast<std::byte*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(static_cast<void*>(base_), MAP_FAILED);
    EXPECT_EQ(mprotect(base_ + mapped_ - page_, page_, PROT_NONE), 0);
    data_ = base_ + mapped_ - page_ - bytes;
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() { munmap(base_, mapped_); }
  [[nodiscard]] std::byte* data() const { return data_; }

 private:
  std::size_t page_, mapped_ = 0;
  std::byte *base_ = nullptr, *data_ = nullptr;
};

/// Tiles load 16 groups of k at a time, whatever k is.
TEST_P(BrgemmAmx, ReadsNothingBeyondTheOperands) {
  const auto element = static_cast<std::int64_t>(size_of(kernel().a));
  for (const int m : {1, 16, 31}) {
    for (const std::int64_t k : {1, 21, 64, 100, 769}) {
      const std::int64_t segment_k[] = {k};
      const GuardedMemory a(static_cast<std::size_t>(m * k * element));
      std::memset(a.data(), 0, static_cast<std::size_t>(m * k * element));
      const std::size_t b_bytes = packed_b_bytes(kernel(), segment_k, kernel().nr);
      const GuardedMemory b(b_bytes);
      std::memset(b.data(), 0, b_bytes);

      std::vector<const std::byte*> a_rows;
      std::vector<float> c(static_cast<std::size_t>(m * kernel().nr), 1.0F), scale(c.size(), 1.0F);
      std::vector<std::byte*> c_rows;
      for (int i = 0; i < m; ++i) {
        a_rows.push_back(a.data() + i * k * element);
        c_rows.push_back(reinterpret_cast<std::byte*>(c.data() + i * kernel().nr));
      }
      Epilogue epilogue;
      epilogue.scale = scale.data();
      const KSegment segment{0, k};
      BrgemmBlock block;
      block.a_rows = a_rows.data();
      block.m = m;
      block.segments = &segment;
      block.segment_count = 1;
      block.b = b.data();
      block.n = kernel().nr;
      block.c_rows = c_rows.data();
      block.epilogue = &epilogue;
      kernel().run(block);
      EXPECT_EQ(std::count(c.begin(), c.end(), 0.0F), static_cast<std::ptrdiff_t>(c.size()));
    }
  }
}

/// Fifteen rows that lie evenly and one that does not, wherever it is.
TEST_P(BrgemmAmx, OneRowOutOfLine) {
  BrgemmOptions o;
  o.small_integers = true;
  o.m = 32;
  o.n = kernel().nr;
  o.segment_k = {130};
  const BrgemmCase problem(kernel(), o);
  for (int odd = 0; odd < o.m; ++odd) {
    const auto with_row_moved = [&](const auto& run) {
      return problem.run([&](BrgemmBlock block) {
        std::vector<const std::byte*> rows(block.a_rows, block.a_rows + block.m);
        rows[static_cast<std::size_t>(odd)] = block.a_rows[(odd + 5) % block.m];
        block.a_rows = rows.data();
        run(block);
      });
    };
    EXPECT_TRUE(with_row_moved(kernel().run) ==
                with_row_moved([](const BrgemmBlock& block) { brgemm_reference(kernel(), block); }))
        << "row " << odd;
  }
}

/// The epilogue of each kind while the next rows or panel are multiplied, and K blocks in between.
TEST_P(BrgemmAmx, WhatIsLeftIsFinishedWithTheNextBlock) {
  TileSession tiles;
  BrgemmOptions o;
  o.small_integers = true;
  o.n = 3 * kernel().nr - 7;
  o.segment_k = {64, 64, 21};
  for (const int m : {16, 49}) {
    o.m = m;
    for (const DataType c_type : {DataType::f32, DataType::bf16, DataType::u8}) {
      for (int kind = 0; kind < 5; ++kind) {
        o.c_type = c_type;
        o.has_residual = kind < 3;
        o.residual_type = kind == 0 ? DataType::f32 : kind == 1 ? DataType::bf16 : DataType::u8;
        o.activation = kind == 4 ? Activation::relu : Activation::none;
        o.has_row_scale = kind == 4;
        o.block_segments = kind % 2 == 0 ? std::vector<int>{} : std::vector<int>{1, 2};
        const BrgemmCase problem(kernel(), o);
        EXPECT_TRUE(problem.run_in(tiles) == problem.reference()) << "m " << m << " kind " << kind;
      }
    }
  }
}

/// Vector by vector between products, or rows at a time behind them: the same bits.
TEST_P(BrgemmAmx, ActivationsAreTheSameBetweenProducts) {
  BrgemmOptions o;
  o.m = 32;
  o.n = 3 * kernel().nr;
  for (const auto& segment_k : std::vector<std::vector<std::int64_t>>{{40}, {500, 68}, {1100}}) {
    o.segment_k = segment_k;
    for (const DataType c_type : {DataType::f32, DataType::bf16, DataType::u8}) {
      for (const Activation activation :
           {Activation::gelu, Activation::gelu_tanh, Activation::tanh, Activation::sigmoid, Activation::clip}) {
        o.c_type = c_type;
        o.activation = activation;
        BrgemmCase problem(kernel(), o);
        problem.epilogue().parameters = {-0.5F, 0.75F};
        const auto expected = problem.run();
        TileSession tiles;
        EXPECT_TRUE(problem.run_in(tiles) == expected) << "activation " << static_cast<int>(activation);
      }
    }
  }
}

/// Sums that nothing is made of are in memory when the session says so, also where rows of two tiles overlap.
TEST_P(BrgemmAmx, SumsAreInMemoryWhenTheSessionIsFinished) {
  BrgemmOptions o;
  o.small_integers = true;
  o.n = kernel().nr;
  for (const int m : {1, 33, 49, 64}) {
    o.m = m;
    const BrgemmCase problem(kernel(), o);
    const auto size = static_cast<std::size_t>(m * kernel().nr) * sizeof(float);
    const auto sums_by = [&](auto run) {
      AlignedBuffer sums(size);
      problem.run([&](BrgemmBlock block) {
        block.accumulators = sums.data();
        block.last = false;
        run(block);
      });
      return std::vector<std::byte>(sums.data(), sums.data() + size);
    };
    const auto expected = sums_by([](const BrgemmBlock& block) { brgemm_reference(kernel(), block); });
    const auto actual = sums_by([](BrgemmBlock block) {
      TileSession tiles;
      block.tiles = &tiles;
      kernel().run(block);
      tiles.finish();
    });
    EXPECT_TRUE(actual == expected) << "m " << m;
  }
}

/// Kernels of different types may take turns in one session.
TEST_P(BrgemmAmx, SharesASessionWithOtherKernels) {
  TileSession tiles;
  BrgemmOptions o;
  o.small_integers = true;
  o.m = 20;
  o.n = kernel().nr;
  const BrgemmCase problem(kernel(), o);
  for (const BrgemmKernel* other : kernels_with_tiles()) {
    if (other->isa != kernel().isa) continue;
    const BrgemmCase problem_of_other(*other, o);
    std::vector<std::byte> in_between;
    const auto c = problem.run([&](BrgemmBlock block) {
      block.tiles = &tiles;
      kernel().run(block);
      in_between = problem_of_other.run_in(tiles);
    });
    EXPECT_TRUE(c == problem.reference()) << other->name;
    EXPECT_TRUE(in_between == problem_of_other.reference()) << other->name;
  }
}

/// Sessions of one thread share its one set of tiles: whichever runs, begins or ends between two blocks of another, the
/// sums of both stay right.
TEST_P(BrgemmAmx, SessionsOfOneThreadTakeTurns) {
  BrgemmOptions o;
  o.small_integers = true;
  o.m = 49;
  o.n = 2 * kernel().nr - 5;
  o.segment_k = {64, 64, 21};
  o.block_segments = {1, 2};
  const BrgemmCase problem(kernel(), o);
  for (const BrgemmKernel* other : kernels_with_tiles()) {
    if (other->isa != kernel().isa) continue;
    const BrgemmCase problem_of_other(*other, o);
    for (const bool first_ends_first : {true, false}) {
      auto first = std::make_unique<TileSession>(), second = std::make_unique<TileSession>();
      std::vector<std::byte> in_turns, in_its_own;
      const auto c = problem.run(
          [&](BrgemmBlock block) {
            block.tiles = first.get();
            kernel().run(block);
            in_turns = problem_of_other.run_in(*second);
            in_its_own = problem_of_other.run();
          },
          [&] {
            (first_ends_first ? first : second).reset();
            if (!first_ends_first) first->finish();
          });
      EXPECT_TRUE(in_turns == problem_of_other.reference()) << other->name;
      EXPECT_TRUE(in_its_own == problem_of_other.reference()) << other->name;
      EXPECT_TRUE(c == problem.reference()) << other->name;
      TileSession& left = first_ends_first ? *second : *first;
      EXPECT_TRUE(problem_of_other.run_in(left) == problem_of_other.reference()) << other->name;
    }
  }
}

/// What was left in the tiles when another session took them is in memory then.
TEST_P(BrgemmAmx, ASessionThatLosesTheTilesFinishes) {
  BrgemmOptions o;
  o.small_integers = true;
  o.m = 32;
  o.n = kernel().nr;
  const BrgemmCase problem(kernel(), o);
  TileSession first;
  const auto c = problem.run([&](BrgemmBlock block) {
    block.tiles = &first;
    kernel().run(block);
    static_cast<void>(problem.run());  // in a session of its own
  });
  EXPECT_TRUE(c == problem.reference());
}

/// Tiles that stay configured cost every context switch 8 KiB, for as long as the thread lives.
TEST(PlainTiles, AreReleasedWithTheSession) {
  BrgemmOptions o;
  o.m = 40;
  for (const BrgemmKernel& kernel : plain_tile_kernels()) {
    o.n = kernel.nr;
    const BrgemmCase problem(kernel, o);
    {
      TileSession first, second;
      static_cast<void>(problem.run_in(first));
      EXPECT_TRUE(plain_tiles_in_use());
      static_cast<void>(problem.run_in(second));
    }
    EXPECT_FALSE(plain_tiles_in_use()) << kernel.name;
    static_cast<void>(problem.run());
    EXPECT_FALSE(plain_tiles_in_use()) << kernel.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, BrgemmAmx, ::testing::ValuesIn(kernels_with_tiles()),
                         [](const auto& kernel) { return identifier(kernel.param->name); });

/// On the CPU it is #UD; forgetting the configuration must not pass in silence here either.
TEST(PlainTilesDeathTest, UnconfiguredTilesCannotBeUsed) {
  EXPECT_DEATH(multiply_without_configuration(), "");
}

}  // namespace
}  // namespace tessera::testing
