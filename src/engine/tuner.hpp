// Tuner: chooses by timing. Each way to compute a layer runs as a plan of its own (compile/trial.hpp), with the threads
// of the session; the fastest is taken if it is clearly faster than the usual one (decision 29).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compile/trial.hpp"
#include "engine/tuning_cache.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// How the threads of a session share the plan that is being made.
enum class Division : std::uint8_t {
  together,  ///< every step among all
  apart      ///< each thread runs all steps on its own part of the batch
};

/// What the threads of a session are, and what is remembered of other sessions.
struct TunerOptions {
  std::string machine;  ///< the CPU
  Isa isa = Isa::avx2;
  int threads = 1;
  std::vector<int> cpus;        ///< as for the executor
  std::size_t cache_bytes = 0;  ///< of the machine's last level
  std::string cache;            ///< file of the TuningCache; empty: none
  std::function<void(std::string_view activity, std::int64_t done, std::int64_t total)> progress;
};

/// A layer that waits for a choice: what is chosen of it so far, and the question.
struct OpenChoice {
  const Graph& graph;
  const Node& node;
  const Choice& choice;
  const std::map<std::string, std::string>& made;  ///< way by topic
  Division division = Division::together;
};
/// Seconds of each way of an open choice.
using TimeWays = std::function<std::vector<double>(const OpenChoice&)>;
using MeasureMachine = std::function<MachineConstants(Isa)>;

class Tuner final : public Chooser {
 public:
  explicit Tuner(TunerOptions options);
  /// With other stopwatches.
  Tuner(TunerOptions options, TimeWays time_ways, MeasureMachine measure_machine = measure_constants);

  /// From now on layers of this graph are asked about. What the graph before it decided about a node holds for the node
  /// with the same output: all parts of a batch get the same bits.
  void begin(const Graph& graph, Division division);
  StepChoice choose(const Graph& graph, const Node& node, const Choice& choice) override;
  [[nodiscard]] int members() const noexcept override;
  [[nodiscard]] const MachineConstants* machine() override { return &machine_; }

  /// Writes the cache; what there is to say of the whole session.
  [[nodiscard]] TuningSummary finish();

 private:
  [[nodiscard]] std::string key_of_machine() const;
  [[nodiscard]] std::string key_of(const OpenChoice& open) const;
  [[nodiscard]] StepChoice decide(const OpenChoice& open);
  [[nodiscard]] std::vector<double> time_on_this_machine(const OpenChoice& open);

  TunerOptions options_;
  TimeWays time_ways_;
  TuningCache cache_;
  MachineConstants machine_;  ///< from the cache, or measured
  TuningSummary summary_;
  Division division_ = Division::together;
  std::map<std::string, std::map<std::string, StepChoice>> chosen_;  ///< by the node's output and topic
  std::map<std::string, std::vector<double>> timed_;                 ///< in this session, by key
  std::shared_ptr<const AlignedBuffer> others_;                      ///< Trial::others
  std::size_t weight_bytes_ = 0;                                     ///< of the graph
};

/// The least of some runs of each way, which take turns: what disturbs one of them disturbs its neighbours too. `run`
/// gives the seconds of one run.
std::vector<double> least_times(std::size_t ways, const std::function<double(std::size_t)>& run);

/// least_times(). If that would change the choice from `usual` to another way, times everything once more and returns
/// the minimum of both passes: something may have disturbed the usual way during the whole first pass.
std::vector<double> checked_times(std::size_t ways, std::size_t usual, const std::function<double(std::size_t)>& run);

/// Index of the fastest way, or `usual` where none is clearly faster than that.
std::size_t clearly_fastest(std::span<const double> seconds, std::size_t usual);

}  // namespace tessera
