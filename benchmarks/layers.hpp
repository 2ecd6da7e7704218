// What the benchmarks of kernels share: the layers of ResNet-50 and BERT-base (tests/shapes), weights as quantizers
// make them, and percent of the peak that was measured in the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/peak/peak.hpp"

namespace tessera {

struct Shape {
  std::string name;
  std::int64_t m = 0, n = 0, k = 0, taps = 0, count = 0;
};

inline std::vector<Shape> read_shapes(const std::filesystem::path& file) {
  std::vector<Shape> shapes;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    Shape shape;
    std::istringstream words(line);
    if (line.starts_with('#') || !(words >> shape.name >> shape.m >> shape.n >> shape.k >> shape.taps >> shape.count))
      continue;
    shapes.push_back(shape);
  }
  return shapes;
}

/// work(network, shape) for every layer.
template <class Work>
void for_each_shape(Work work) {
  const std::filesystem::path shapes = std::filesystem::path(__FILE__).parent_path().parent_path() / "tests" / "shapes";
  for (const char* model : {"resnet50", "bert_base"})
    for (const Shape& shape : read_shapes(shapes / (std::string(model) + ".txt"))) work(model, shape);
}

/// The largest of some hundred normal numbers becomes the limit.
class RandomWeights {
 public:
  explicit RandomWeights(int most) : most_(static_cast<float>(most)), normal_(0.0F, most_ / 3.5F) {}
  float next() { return std::clamp(std::round(normal_(random_)), -most_, most_); }

 private:
  std::mt19937 random_{2};
  float most_;
  std::normal_distribution<float> normal_;
};

inline double peak_of(DataType type, Isa isa) {
  static std::map<const PeakLoop*, double> measured;
  const PeakLoop* loop = find_peak_loop(type, isa);
  auto [entry, is_new] = measured.try_emplace(loop, 0.0);
  if (is_new) entry->second = measure_loop(*loop);
  return entry->second;
}

/// The fastest run against the fastest peak loop: other load on the machine touches neither.
template <class Run>
void measure_layer(benchmark::State& state, const Shape& shape, double peak, Run run) {
  run();
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (auto _ : state) {
    const auto start = Clock::now();
    run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  const double multiply_adds = static_cast<double>(shape.m * shape.n) * static_cast<double>(shape.k * shape.taps);
  const double rate = 2.0 * multiply_adds / best * 1e-9;
  state.counters["GFLOP/s"] = rate;
  state.counters["%peak"] = 100.0 * rate / peak;
  state.counters["layers"] = static_cast<double>(shape.count);
}

}  // namespace tessera
