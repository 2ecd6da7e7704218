// Tuning: what is chosen of given times, what the cache keeps, and whole sessions that are timed for real.
#include "engine/tuner.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "unit/engine/session_support.hpp"

namespace tessera {
namespace {

using testing::ints;
using testing::Net;
using testing::random_tensor;
using testing::same_bits;
using testing::tiers_here;

TEST(LeastTimes, TakeTurnsAndKeepTheBestOfEachWay) {
  // Each way is disturbed in all its runs but one; the disturbances are larger than what the ways differ by.
  std::vector<std::size_t> order;
  const std::vector<double> least = least_times(2, [&](std::size_t way) {
    const std::size_t round = order.size() / 2;
    order.push_back(way);
    const double best = way == 0 ? 0.003 : 0.002;
    return round == 3 + way ? best : best + 0.010;
  });
  EXPECT_EQ(least, (std::vector<double>{0.003, 0.002}));
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i % 2);
}

TEST(LeastTimes, EndsEvenWhereTheClockStandsStill) {
  int runs = 0;
  const std::vector<double> least = least_times(3, [&](std::size_t) {
    ++runs;
    return 0.0;
  });
  EXPECT_EQ(least, std::vector<double>(3, 0.0));
  EXPECT_LT(runs, 1000);
}

TEST(CheckedTimes, AWayThatWasDisturbedAllTheWhileGetsAnotherChance) {
  // The usual way needs three times as long until the other seems to have won: for as many runs as timing them takes.
  int runs = 0, first_runs = 0;
  const auto always = [&](std::size_t way) {
    if (way == 0) ++first_runs;
    return way == 0 ? 0.03 : 0.01;
  };
  least_times(2, always);
  const auto disturbed_first = [&](std::size_t way) {
    const bool disturbed = way == 0 && runs++ < first_runs;
    return disturbed ? 0.03 : 0.01;
  };
  EXPECT_EQ(checked_times(2, 0, disturbed_first), (std::vector<double>{0.01, 0.01}));
  // Nothing is timed twice where the usual way is the fastest anyway.
  std::vector<int> asked = {0, 0};
  const auto steady = [&](std::size_t way) {
    ++asked[way];
    return way == 0 ? 0.01 : 0.02;
  };
  checked_times(2, 0, steady);
  const int once = asked[0];
  checked_times(2, 1, steady);
  EXPECT_EQ(asked[0], 3 * once);
}

TEST(ClearlyFastest, NeedsMoreThanNoiseToLeaveWhatIsUsual) {
  EXPECT_EQ(clearly_fastest(std::vector<double>{1.0, 0.5, 0.4}, 0), 2U);
  EXPECT_EQ(clearly_fastest(std::vector<double>{1.0, 0.95}, 0), 0U);
  EXPECT_EQ(clearly_fastest(std::vector<double>{0.97, 1.0}, 1), 1U);
  EXPECT_EQ(clearly_fastest(std::vector<double>{0.5, 1.0}, 1), 0U);
  EXPECT_EQ(clearly_fastest(std::vector<double>{1.0, 1.0}, 1), 1U);
}

/// Times that are made up, by the name of the way; counts how often somebody asked.
struct MadeUpTimes {
  std::map<std::string, double> seconds;
  int asked = 0;

  TimeWays stopwatch() {
    return [this](const OpenChoice& open) {
      ++asked;
      std::vector<double> times;
      times.reserve(open.choice.ways.size());
      for (const std::string& way : open.choice.ways) times.push_back(seconds.at(way));
      return times;
    };
  }
};

/// Two convolutions of one shape and a third of another.
Graph three_layers() {
  Net net;
  ValueId x = net.input("x", {1, 16, 8, 8});
  for (const std::int64_t filters : {16, 16, 32})
    x = net.op("FusedConv", {x, net.weight(Shape{filters, 16, 3, 3})}, {{"pads", ints({1, 1, 1, 1})}});
  net.output(x);
  infer_shapes(net.graph);
  return net.graph;
}

class TunerTest : public testing::SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    cache_ = (folder_ / "cache" / "tuning.json").string();
  }

  TunerOptions options(const std::string& machine = "a CPU", int threads = 2) const {
    return {machine, Isa::avx2, threads, {}, 1 << 20, cache_, {}};
  }

  /// The choices about a graph's nodes, one each, with made-up times.
  std::vector<StepChoice> choices(const TunerOptions& tuner_options, MadeUpTimes& times, TuningSummary& summary) const {
    const Graph graph = three_layers();
    Tuner tuner(tuner_options, times.stopwatch());
    tuner.begin(graph, Division::together);
    std::vector<StepChoice> made;
    made.reserve(graph.nodes.size());
    for (const Node& node : graph.nodes)
      made.push_back(tuner.choose(graph, node, {"algorithm", {"slow", "fast"}, 0, {}}));
    summary = tuner.finish();
    return made;
  }

  std::string cache_;
};

TEST_F(TunerTest, TakesTheFasterWayAndTimesEqualLayersOnce) {
  MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
  TuningSummary summary;
  for (const StepChoice& choice : choices(options(), times, summary)) {
    EXPECT_EQ(choice.taken, "fast");
    EXPECT_EQ(choice.by, "tuned");
    ASSERT_EQ(choice.ways.size(), 2U);
    EXPECT_EQ(choice.ways[0].name, "slow");
    EXPECT_EQ(choice.ways[0].seconds, 2e-3);
  }
  EXPECT_EQ(times.asked, 2);
  EXPECT_EQ(summary.timed, 3);
  EXPECT_EQ(summary.cached, 0);
  EXPECT_EQ(summary.changed, 3);
  EXPECT_EQ(summary.warning, "");
}

TEST_F(TunerTest, RemembersInTheCache) {
  MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
  TuningSummary summary;
  choices(options(), times, summary);
  MadeUpTimes otherwise{{{"slow", 1e-3}, {"fast", 2e-3}}};
  for (const StepChoice& choice : choices(options(), otherwise, summary)) {
    EXPECT_EQ(choice.taken, "fast");
    EXPECT_EQ(choice.by, "cached");
    EXPECT_NEAR(choice.ways[1].seconds, 1e-3, 1e-9);
  }
  EXPECT_EQ(otherwise.asked, 0);
  EXPECT_EQ(summary.cached, 3);
  EXPECT_EQ(summary.timed, 0);
}

TEST_F(TunerTest, AnotherCpuOrNumberOfThreadsIsTimedAnew) {
  MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
  TuningSummary summary;
  choices(options(), times, summary);
  for (const TunerOptions& other : {options("another CPU"), options("a CPU", 3)}) {
    times.asked = 0;
    choices(other, times, summary);
    EXPECT_EQ(times.asked, 2);
  }
  times.asked = 0;
  choices(options(), times, summary);
  EXPECT_EQ(times.asked, 0);  // what the others wrote has not replaced it
}

TEST_F(TunerTest, TheMachineIsMeasuredOnceAndRemembered) {
  int measured = 0;
  const auto constants = [&](const std::string& machine, Isa isa) {
    TunerOptions tuner_options = options(machine);
    tuner_options.isa = isa;
    MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
    Tuner tuner(tuner_options, times.stopwatch(), [&](Isa) {
      ++measured;
      MachineConstants made_up;
      made_up.words = 8.5;
      made_up.weight_byte = 40;
      return made_up;
    });
    const MachineConstants found = *tuner.machine();
    static_cast<void>(tuner.finish());
    return found;
  };
  for (int session = 0; session < 2; ++session) {
    const MachineConstants machine = constants("a CPU", Isa::avx2);
    EXPECT_NEAR(machine.words, 8.5, 1e-9);
    EXPECT_NEAR(machine.weight_byte, 40, 1e-9);
    EXPECT_EQ(machine.dot, 0);  // what is not there stays so
  }
  EXPECT_EQ(measured, 1);
  constants("a CPU", Isa::avx2_vnni);
  constants("another CPU", Isa::avx2);
  EXPECT_EQ(measured, 3);
}

TEST_F(TunerTest, ADamagedCacheIsSaidAndReplaced) {
  for (const char* const text : {"", "{", "[1, 2]", "{\"form\": 9, \"layers\": {}}", "{\"form\": 1, \"layers\": 3}",
                                 "{\"form\": 1, \"layers\": {\"k\": {\"slow\": -1}}}",
                                 "{\"form\": 1, \"layers\": {\"k\": {\"slow\": \"1\"}}}"}) {
    SCOPED_TRACE(text);
    std::filesystem::create_directories(folder_ / "cache");
    std::ofstream(cache_) << text;
    MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
    TuningSummary summary;
    choices(options(), times, summary);
    EXPECT_EQ(times.asked, 2);
    EXPECT_NE(summary.warning.find(cache_), std::string::npos) << summary.warning;
    choices(options(), times, summary);
    EXPECT_EQ(times.asked, 2);
    EXPECT_EQ(summary.warning, "");
  }
}

TEST_F(TunerTest, ACacheThatCannotBeWrittenIsSaid) {
  std::ofstream(folder_ / "cache") << "a file where the folder should be";
  MadeUpTimes times{{{"slow", 2e-3}, {"fast", 1e-3}}};
  TuningSummary summary;
  EXPECT_EQ(choices(options(), times, summary).front().taken, "fast");
  EXPECT_NE(summary.warning.find("cannot be"), std::string::npos) << summary.warning;
}

TEST_F(TunerTest, TwoSessionsKeepWhatBothFoundOut) {
  TuningCache first(cache_), second(cache_);
  const std::vector<std::string> ways = {"a", "b"};
  first.put("one", ways, std::vector<double>{1, 2});
  second.put("two", ways, std::vector<double>{3, 4});
  first.save();
  second.save();
  const TuningCache both(cache_);
  EXPECT_EQ(both.find("one", ways), (std::vector<double>{1, 2}));
  EXPECT_EQ(both.find("two", ways), (std::vector<double>{3, 4}));
  EXPECT_TRUE(both.find("three", ways).empty());
  const std::vector<std::string> more = {"a", "b", "c"}, others = {"a", "c"};
  EXPECT_TRUE(both.find("one", more).empty());
  EXPECT_TRUE(both.find("one", others).empty());
}

TEST_F(TunerTest, WhatIsLeftOfABatchFollowsItsParts) {
  const Graph graph = three_layers();
  const Choice choice{"algorithm", {"slow", "fast"}, 0, {}};
  double fast = 1e-3;
  Tuner tuner(options(), [&](const OpenChoice&) { return std::vector<double>{2e-3, fast}; });
  tuner.begin(graph, Division::apart);
  EXPECT_EQ(tuner.members(), 1);
  EXPECT_EQ(tuner.choose(graph, graph.nodes[0], choice).taken, "fast");
  fast = 3e-3;
  tuner.begin(graph, Division::together);
  EXPECT_EQ(tuner.members(), 2);
  EXPECT_EQ(tuner.choose(graph, graph.nodes[0], choice).taken, "fast");
  EXPECT_EQ(tuner.choose(graph, graph.nodes[2], choice).taken, "slow");
}

// ---- whole sessions, timed by the clock

TEST_F(TunerTest, Int8KeepsItsBitsOnEveryTier) {
  const Model model = Model::load(path_);
  for (const Isa isa : tiers_here()) {
    for (const std::int64_t batch : {1, 7}) {
      SCOPED_TRACE(std::string(name_of(isa)) + ", batch " + std::to_string(batch));
      SessionOptions session_options{
          .precision = Precision::int8, .isa = isa, .threads = 2, .extents = {{"batch", batch}}};
      session_options.calibration_options.synthetic = true;
      Session usual = model.compile(session_options);
      EXPECT_EQ(usual.tuning().timed, 0);
      EXPECT_EQ(usual.batch_split().parts > 0, batch > 1);
      session_options.tune = true;
      Session tuned = model.compile(session_options);
      if (!has_int8_dot(isa)) {
        EXPECT_GT(tuned.tuning().timed, 0);
      }
      EXPECT_TRUE(same_bits(only(usual.run(image(batch))), only(tuned.run(image(batch)))));
    }
  }
}

/// Whatever the clock said: the same algorithm gives the same bits, and another one a sum of the same products.
TEST_F(TunerTest, FloatStaysNearAndKeepsNoWeightsOfOtherWays) {
  const Model model = Model::load(path_);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const Isa isa : tiers_here()) {
      SCOPED_TRACE(std::string(name_of(precision)) + "@" + std::string(name_of(isa)));
      SessionOptions session_options{.precision = precision, .isa = isa, .threads = 2};
      Session usual = model.compile(session_options);
      session_options.tune = true;
      Session tuned = model.compile(session_options);
      const auto steps = tuned.explain(), usual_steps = usual.explain();
      ASSERT_EQ(steps.size(), usual_steps.size());
      bool same = true;
      for (std::size_t i = 0; i < steps.size(); ++i) same = same && steps[i].kernel == usual_steps[i].kernel;
      const Tensor a = only(usual.run(image(1))), b = only(tuned.run(image(1)));
      if (same) {
        EXPECT_EQ(tuned.memory().packed_weights, usual.memory().packed_weights);
        EXPECT_TRUE(same_bits(a, b));
      }
      double error = 0, norm = 0;
      for (std::size_t i = 0; i < a.as<float>().size(); ++i) {
        error += std::pow(a.as<float>()[i] - b.as<float>()[i], 2);
        norm += std::pow(a.as<float>()[i], 2);
      }
      // What issue and tests ask of FP32; bf16 rounds at 2^-9, here after each of three layers that may differ.
      EXPECT_LT(std::sqrt(error / norm), precision == Precision::fp32 ? 1e-5 : 3 * 0x1p-9);
    }
  }
}

/// A made-up tuner makes every choice fall on each way in turn: all of them give the right answer.
TEST_F(TunerTest, EveryWayOfEveryLayerIsRight) {
  const Graph graph = three_layers();
  const Tensor x = random_tensor(Shape{1, 16, 8, 8}, 3);
  const Tensor expected = evaluate(graph, std::vector<Tensor>{x}).front();
  for (const Isa isa : tiers_here()) {
    for (std::size_t preferred = 0; preferred < 3; ++preferred) {
      SCOPED_TRACE(std::string(name_of(isa)) + ", way " + std::to_string(preferred));
      Tuner tuner(options(), [&](const OpenChoice& open) {
        std::vector<double> times(open.choice.ways.size(), 1.0);
        times[preferred % times.size()] = 0.5;
        return times;
      });
      tuner.begin(graph, Division::together);
      WeightStore weights;
      Executor executor(make_plan(graph, isa, weights, 2, &tuner), 2, {});
      for (const StepInfo& step : executor.steps())
        for (const StepChoice& choice : step.choices)
          EXPECT_EQ(choice.taken, choice.ways[preferred % choice.ways.size()].name) << step.node;
      std::memcpy(executor.inputs()[0].data, x.data(), x.bytes());
      executor.infer();
      const auto* actual = reinterpret_cast<const float*>(executor.outputs()[0].data);
      // Three layers of 144 products of magnitudes around 0.1: F(4x4) errs by some 2e-6 of the norm of a sum.
      for (std::size_t i = 0; i < expected.as<float>().size(); ++i)
        ASSERT_NEAR(actual[i], expected.as<float>()[i], 1e-4) << i;
    }
  }
}

}  // namespace
}  // namespace tessera
