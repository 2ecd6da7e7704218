// Sessions on different tiers in one process: the tier belongs to the session, not to the process or the thread.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "unit/engine/session_support.hpp"

namespace tessera {
namespace {

using testing::same_bits;
using testing::SessionTest;
using testing::tiers_here;

struct Running {
  Precision precision;
  Session session;
  Tensor expected;  ///< what it answered while it was alone
};

TEST_F(SessionTest, EveryTierAndPrecisionAtTheSameTime) {
  const Model model = Model::load(path_);
  const std::vector<TensorMap> calibration = {image(2)};
  std::vector<Running> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    const std::size_t first = all.size();
    for (const Isa isa : tiers_here()) {
      Session session = model.compile(
          {.precision = precision, .isa = isa, .threads = 2, .extents = {{"batch", 2}}, .calibration = calibration});
      EXPECT_EQ(session.isa(), isa);
      Tensor alone = only(session.run(image(2)));
      all.push_back({precision, std::move(session), std::move(alone)});
      if (precision != Precision::bf16) {
        EXPECT_TRUE(same_bits(all.back().expected, all[first].expected)) << name_of(precision) << ' ' << name_of(isa);
      }
    }
  }
  std::vector<std::thread> threads;
  for (Running& running : all) {
    threads.emplace_back([&running] {
      for (int i = 0; i < 20; ++i) {
        EXPECT_TRUE(same_bits(only(running.session.run(image(2))), running.expected))
            << name_of(running.precision) << ' ' << name_of(running.session.isa());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

/// Compiling, quantizing and asking one model from many threads at once: what one thread gets, all get.
TEST_F(SessionTest, OneModelServesManyThreads) {
  const Model model = Model::load(path_);
  const auto work = [&](Precision precision) {
    const std::vector<TensorMap> calibration{image(4)};
    Session session = model.compile({.precision = precision, .threads = 1, .calibration = calibration});
    return only(session.run(model.random_inputs({{"batch", 2}}, 5)));
  };
  const std::vector<Precision> precisions{Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic};
  std::vector<Tensor> expected;
  const auto alone = [&](Precision precision) {
    const Model fresh = Model::load(path_);
    Session session = fresh.compile({.precision = precision, .threads = 1, .calibration = {image(4)}});
    return only(session.run(fresh.random_inputs({{"batch", 2}}, 5)));
  };
  for (const Precision precision : precisions) expected.push_back(alone(precision));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i = static_cast<std::size_t>(i) % precisions.size()] {
      EXPECT_TRUE(same_bits(work(precisions[i]), expected[i])) << name_of(precisions[i]);
      EXPECT_EQ(model.inputs().size(), 1U);
    });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tessera
