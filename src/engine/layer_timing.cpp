#include "engine/layer_timing.hpp"

#include <algorithm>
#include <limits>

namespace tessera {
namespace {

constexpr int least_rounds = 3, most_rounds = 12;
/// Inferences in a row. The first after the other model ran has to wake its threads, while the other's still spin for
/// work; that wait would be counted to the first layer. The best of a burst is free of it.
constexpr int burst = 4;
constexpr double enough_seconds = 1.0;

class Stopwatch {
 public:
  explicit Stopwatch(Executor& executor)
      : executor_(executor), best_(executor.steps().size(), std::numeric_limits<double>::infinity()) {}

  double round() {
    double sum = 0;
    for (int run = 0; run < burst; ++run) {
      std::vector<double> seconds(best_.size());
      executor_.infer_timed(seconds);
      for (std::size_t i = 0; i < best_.size(); ++i) {
        best_[i] = std::min(best_[i], seconds[i]);
        sum += seconds[i];
      }
    }
    return sum;
  }

  StepTimes result() const {
    StepTimes times;
    for (std::size_t i = 0; i < best_.size(); ++i) {
      times.steps.push_back(executor_.steps()[i]);
      times.steps.back().seconds = best_[i];
      times.total += best_[i];
    }
    return times;
  }

 private:
  Executor& executor_;
  std::vector<double> best_;
};

std::map<std::string, double> by_node(const StepTimes& times) {
  std::map<std::string, double> seconds;
  for (const StepInfo& step : times.steps) seconds[step.node] += step.seconds;
  return seconds;
}

}  // namespace

LayerTimes time_layers(const Graph& fp32, const Graph& int8, const std::vector<QuantizableLayer>& layers,
                       const TensorMap& item, Isa isa, int threads, WeightStore& weights) {
  GraphRunner slow(fp32, isa, threads, weights), fast(int8, isa, threads, weights);
  Stopwatch slow_watch(slow.prepare(item, "timing")), fast_watch(fast.prepare(item, "timing"));
  double spent = 0;
  for (int i = 0; i < most_rounds && (i < least_rounds || spent < enough_seconds); ++i)
    spent += slow_watch.round() + fast_watch.round();

  LayerTimes times{slow_watch.result(), fast_watch.result(), {}, {}};
  const auto fp32_seconds = by_node(times.fp32), int8_seconds = by_node(times.int8);
  const auto seconds_of = [](const std::map<std::string, double>& seconds, const std::string& name) {
    const auto found = seconds.find(name);
    return found == seconds.end() ? 0.0 : found->second;
  };
  std::map<std::string, int> readers;
  for (const QuantizableLayer& layer : layers) ++readers[layer.x];
  for (const QuantizableLayer& layer : layers) {
    times.fp32_layer[layer.name] = seconds_of(fp32_seconds, layer.name);
    times.int8_layer[layer.name] =
        seconds_of(int8_seconds, layer.name) + seconds_of(int8_seconds, layer.x + "_quantized") / readers[layer.x];
  }
  return times;
}

}  // namespace tessera
