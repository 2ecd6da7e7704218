#include "engine/tuner.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/layer_name.hpp"
#include "run/executor.hpp"

namespace tessera {
namespace {

/// A way has to need this part less than the usual one. Ways that are nearer to each other than that change places from
/// session to session, and the model gains nothing from them.
constexpr double margin = 0.08;

constexpr int least_rounds = 5, most_rounds = 24;
/// Of all ways together.
constexpr double enough_seconds = 0.1;

/// More than this is not read between two runs however large the last cache is.
constexpr std::size_t most_other_bytes = std::size_t{128} << 20;

/// Answers as was decided, and where nothing was, as usual.
class Decided final : public Chooser {
 public:
  Decided(std::map<std::string, std::string> made, int members, const MachineConstants& machine)
      : made_(std::move(made)), members_(members), machine_(machine) {}

  StepChoice choose(const Graph&, const Node&, const Choice& choice) override {
    StepChoice answer = usual_choice(choice);
    if (const auto found = made_.find(choice.topic); found != made_.end()) answer.taken = found->second;
    return answer;
  }
  [[nodiscard]] int members() const noexcept override { return members_; }
  [[nodiscard]] const MachineConstants* machine() override { return &machine_; }

 private:
  std::map<std::string, std::string> made_;
  int members_;
  const MachineConstants& machine_;
};

/// Seconds of all steps but the first, which only prepares the caches (and is what the threads wake up in).
double run_once(Executor& executor) {
  std::vector<double> seconds(executor.steps().size());
  executor.infer_timed(seconds);
  return std::accumulate(seconds.begin() + 1, seconds.end(), 0.0);
}

/// Constants are kept as ways of the machine: the cache knows nothing but times by name.
std::vector<std::string> constant_names() {
  std::vector<std::string> names;
  for (const NamedConstant& constant : named_constants) names.emplace_back(constant.name);
  return names;
}

/// A time, though small, for what is not there.
constexpr double absent = 1e-18;

std::optional<MachineConstants> constants_in(const TuningCache& cache, const std::string& key) {
  const std::vector<double> seconds = cache.find(key, constant_names());
  if (seconds.empty()) return std::nullopt;
  MachineConstants machine;
  for (std::size_t i = 0; i < seconds.size(); ++i)
    machine.*named_constants[i].value = seconds[i] <= absent ? 0 : seconds[i] * 1e12;
  return machine;
}

void put_constants(const MachineConstants& machine, const std::string& key, TuningCache& cache) {
  std::vector<double> seconds;
  for (const NamedConstant& constant : named_constants)
    seconds.push_back(std::max(absent, machine.*constant.value * 1e-12));
  cache.put(key, constant_names(), seconds);
}

std::size_t constant_bytes(const Graph& graph) {
  std::size_t bytes = 0;
  for (const Value& value : graph.values)
    if (value.is_constant()) bytes += value.constant.bytes();
  return bytes;
}

}  // namespace

std::vector<double> least_times(std::size_t ways, const std::function<double(std::size_t)>& run) {
  std::vector<double> least(ways, std::numeric_limits<double>::infinity());
  double spent = 0;
  for (int round = 0; round < most_rounds && (round < least_rounds || spent < enough_seconds); ++round) {
    for (std::size_t way = 0; way < ways; ++way) {
      const double seconds = run(way);
      least[way] = std::min(least[way], seconds);
      spent += seconds;
    }
  }
  return least;
}

std::size_t clearly_fastest(std::span<const double> seconds, std::size_t usual) {
  const auto fastest = static_cast<std::size_t>(std::ranges::min_element(seconds) - seconds.begin());
  return seconds[fastest] < (1 - margin) * seconds[usual] ? fastest : usual;
}

Tuner::Tuner(TunerOptions options) : Tuner(std::move(options), nullptr) {
  time_ways_ = [this](const OpenChoice& open) { return time_on_this_machine(open); };
}

Tuner::Tuner(TunerOptions options, TimeWays time_ways, MeasureMachine measure_machine)
    : options_(std::move(options)), time_ways_(std::move(time_ways)), cache_(options_.cache) {
  summary_.warning = cache_.warning();
  if (const std::optional<MachineConstants> known = constants_in(cache_, key_of_machine())) {
    machine_ = *known;
  } else {
    machine_ = measure_machine(options_.isa);
    put_constants(machine_, key_of_machine(), cache_);
  }
}

std::vector<double> checked_times(std::size_t ways, std::size_t usual, const std::function<double(std::size_t)>& run) {
  std::vector<double> seconds = least_times(ways, run);
  if (clearly_fastest(seconds, usual) == usual) return seconds;
  const std::vector<double> again = least_times(ways, run);
  std::ranges::transform(seconds, again, seconds.begin(), [](double a, double b) { return std::min(a, b); });
  return seconds;
}

void Tuner::begin(const Graph& graph, Division division) {
  division_ = division;
  weight_bytes_ = constant_bytes(graph);
}

int Tuner::members() const noexcept {
  return division_ == Division::together ? options_.threads : 1;
}

std::string Tuner::key_of_machine() const {
  return "tessera " + std::string(version) + " | " + options_.machine + " | " + std::string(name_of(options_.isa));
}

std::string Tuner::key_of(const OpenChoice& open) const {
  std::string key =
      key_of_machine() + " | " + std::to_string(options_.threads) + (options_.threads == 1 ? " thread" : " threads") +
      (open.division == Division::apart ? ", each alone" : "") + " | " + layer_name(open.graph, open.node);
  for (const auto& [topic, way] : open.made) key += " | " + topic + ": " + way;
  if (!open.choice.detail.empty()) key += " | " + open.choice.detail;
  key += " | " + open.choice.topic + "?";
  for (const std::string& way : open.choice.ways) key += " " + way + ",";
  key.back() = '.';
  return key;
}

StepChoice Tuner::choose(const Graph& graph, const Node& node, const Choice& choice) {
  std::map<std::string, StepChoice>& of_node = chosen_[graph.value(node.outputs[0]).name];
  const auto before = of_node.find(choice.topic);
  if (before != of_node.end() && std::ranges::count(choice.ways, before->second.taken) > 0) return before->second;
  std::map<std::string, std::string> made;
  for (const auto& [topic, earlier] : of_node) made[topic] = earlier.taken;
  made.erase(choice.topic);
  if (options_.progress) {
    const auto done = &node - graph.nodes.data();
    options_.progress("timing layers", done, static_cast<std::int64_t>(graph.nodes.size()));
  }
  return of_node[choice.topic] = decide({graph, node, choice, made, division_});
}

StepChoice Tuner::decide(const OpenChoice& open) {
  const std::string key = key_of(open);
  const std::vector<std::string>& ways = open.choice.ways;
  StepChoice made{open.choice.topic, {}, "tuned", {}};
  std::vector<double> seconds;
  if (const auto found = timed_.find(key); found != timed_.end()) {
    seconds = found->second;
  } else if (seconds = cache_.find(key, ways); !seconds.empty()) {
    made.by = "cached";
  } else {
    seconds = time_ways_(open);
    timed_[key] = seconds;
    cache_.put(key, ways, seconds);
  }
  ++(made.by == "cached" ? summary_.cached : summary_.timed);
  made.taken = ways[clearly_fastest(seconds, open.choice.usual)];
  if (made.taken != ways[open.choice.usual]) ++summary_.changed;
  made.ways.reserve(ways.size());
  for (std::size_t i = 0; i < ways.size(); ++i) made.ways.push_back({ways[i], seconds[i]});
  return made;
}

/// Weights of a trial are packed into a store of their own: those of a way that is not taken go with it.
std::vector<double> Tuner::time_on_this_machine(const OpenChoice& open) {
  if (others_ == nullptr) {
    const std::size_t bytes = std::min({weight_bytes_, 2 * options_.cache_bytes, most_other_bytes});
    auto others = std::make_shared<AlignedBuffer>(std::max<std::size_t>(bytes, 64));
    std::memset(others->data(), 1, others->size());  // pages of its own: untouched ones would all be one in the caches
    others_ = std::move(others);
  }
  const Trial trial{open.graph, open.node, options_.isa, options_.threads, others_};
  std::vector<std::unique_ptr<Executor>> executors;
  executors.reserve(open.choice.ways.size());
  for (const std::string& way : open.choice.ways) {
    std::map<std::string, std::string> made = open.made;
    made[open.choice.topic] = way;
    Decided decided(std::move(made), open.division == Division::together ? options_.threads : 1, machine_);
    WeightStore weights;
    BatchPlans plans;
    std::shared_ptr<const Plan> plan = make_trial(trial, decided, weights);
    if (open.division == Division::together) {
      plans.rest = std::move(plan);
    } else {
      plans.part = std::move(plan);
      plans.parts = options_.threads;
    }
    executors.push_back(std::make_unique<Executor>(std::move(plans), options_.threads, options_.cpus));
  }
  return checked_times(executors.size(), open.choice.usual, [&](std::size_t way) { return run_once(*executors[way]); });
}

TuningSummary Tuner::finish() {
  cache_.save();
  if (summary_.warning.empty()) summary_.warning = cache_.warning();
  return summary_;
}

}  // namespace tessera
