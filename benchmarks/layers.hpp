// What the benchmarks of kernels share: the layers of ResNet-50 and BERT-base (tests/shapes), weights as quantizers
// make them, and percent of the peak that was measured in the same run.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/memory.hpp"
#include "cpu/topology.hpp"
#include "kernels/peak/peak.hpp"
#include "kernels/peak/tile_clock.hpp"
#include "run/steps/gemm_spec.hpp"
#include "tessera/bfloat16.hpp"

namespace tessera {

struct LayerShape {
  std::string name;
  std::int64_t m = 0, n = 0, k = 0, taps = 0, count = 0;
};

inline std::vector<LayerShape> read_shapes(const std::filesystem::path& file) {
  std::vector<LayerShape> shapes;
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read the layers of a network from " + file.string());
  for (std::string line; std::getline(in, line);) {
    LayerShape shape;
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
  const std::filesystem::path shapes = TESSERA_SHAPES;
  for (const char* model : {"resnet50", "bert_base"})
    for (const LayerShape& shape : read_shapes(shapes / (std::string(model) + ".txt"))) work(model, shape);
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

/// Weights [columns][k of all taps] of f32, s8 or s16.
inline std::vector<std::byte> random_weights(const LayerShape& shape, DataType type, int most) {
  std::vector<std::byte> weights(static_cast<std::size_t>(shape.k * shape.taps * shape.n) * size_of(type));
  RandomWeights random(most);
  for (std::size_t i = 0; i < weights.size(); i += size_of(type)) {
    const float value = random.next();
    const auto word = static_cast<std::int16_t>(value);
    if (type == DataType::s8)
      weights[i] = static_cast<std::byte>(word);
    else if (type == DataType::s16)
      std::memcpy(&weights[i], &word, sizeof(word));
    else
      std::memcpy(&weights[i], &value, sizeof(value));
  }
  return weights;
}

/// A and C of a layer as matrices, and an epilogue: what a step needs but the weights.
class Operands {
 public:
  /// Columns are padded to whole panels of nr.
  Operands(const LayerShape& shape, DataType a, int nr) {
    const bool integers = a == DataType::u8 || a == DataType::s16;
    spec_.a = Image::matrix(0, a, shape.m, shape.k * shape.taps);
    spec_.c = Image::matrix(1, integers ? DataType::u8 : a, shape.m, shape.n);
    spec_.columns = shape.n;
    spec_.l2_bytes = static_cast<std::int64_t>(l2_bytes_of_a_core());
    for (std::int64_t tap = 0; tap < shape.taps; ++tap)
      spec_.segments.push_back({tap * shape.k * static_cast<std::int64_t>(size_of(a)), shape.k});
    a_ = AlignedBuffer(static_cast<std::size_t>(spec_.a.bytes()));
    c_ = AlignedBuffer(static_cast<std::size_t>(spec_.c.bytes()));
    fill(a);
    const std::size_t padded = round_up(static_cast<std::size_t>(shape.n), static_cast<std::size_t>(nr));
    bias_.assign(padded, 1.0F);
    scale_.assign(padded, 1e-3F);
    compensation_.assign(padded, 7);
    spec_.epilogue.bias = bias_.data();
    spec_.epilogue.activation = Activation::relu;
    spec_.epilogue.c_type = spec_.c.type;
    if (!integers) return;
    spec_.epilogue.scale = scale_.data();
    spec_.epilogue.compensation = compensation_.data();
  }
  Operands(const Operands&) = delete;  // the spec points into it
  Operands& operator=(const Operands&) = delete;

  [[nodiscard]] const GemmSpec& spec() const { return spec_; }
  [[nodiscard]] std::vector<std::int64_t> segment_k() const {
    std::vector<std::int64_t> lengths;
    for (const KSegment& segment : spec_.segments) lengths.push_back(segment.k);
    return lengths;
  }

  void run(const Step& step) {
    if (scratch_.size() < step.scratch_bytes()) scratch_ = AlignedBuffer(step.scratch_bytes());
    std::byte* const buffers[] = {a_.data(), c_.data()};
    RunContext context;
    context.buffers = buffers;
    context.scratch = scratch_.data();
    step.run(context);
    benchmark::ClobberMemory();
  }

 private:
  void fill(DataType type) {
    std::mt19937 random(1);
    for (std::size_t i = 0; i < a_.size() / size_of(type); ++i) {
      const auto value = static_cast<float>(random() % 256);
      switch (type) {
        case DataType::bf16: reinterpret_cast<bfloat16*>(a_.data())[i] = bfloat16(value); break;
        case DataType::u8: reinterpret_cast<std::uint8_t*>(a_.data())[i] = static_cast<std::uint8_t>(value); break;
        case DataType::s16: reinterpret_cast<std::int16_t*>(a_.data())[i] = static_cast<std::int16_t>(value); break;
        default: reinterpret_cast<float*>(a_.data())[i] = value;
      }
    }
  }

  GemmSpec spec_;
  AlignedBuffer a_, c_, scratch_;
  std::vector<float> bias_, scale_;
  std::vector<std::int32_t> compensation_;
};

inline LoopRate peak_of(DataType type, Isa isa) {
  static std::map<const PeakLoop*, LoopRate> measured;
  const PeakLoop* loop = find_peak_loop(type, isa);
  auto [entry, is_new] = measured.try_emplace(loop);
  if (is_new) entry->second = measure_loop(*loop);
  return entry->second;
}

/// The fastest run against the fastest peak loop: other load on the machine touches neither. With tiles, runs count
/// that were left alone, and a label says where there was none.
template <class Run>
void measure_layer(benchmark::State& state, const LayerShape& shape, Isa isa, const LoopRate& peak, Run run) {
  run();
  using Clock = std::chrono::steady_clock;
  LeastTimes times(has_tiles(isa));
  for (auto _ : state) {
    const auto start = Clock::now();
    run();
    times.add(std::chrono::duration<double>(Clock::now() - start).count());
  }
  const LeastTime best = times.least();
  if (best.disturbed || peak.disturbed) state.SetLabel("disturbed by a neighbour");
  const double multiply_adds = static_cast<double>(shape.m * shape.n) * static_cast<double>(shape.k * shape.taps);
  const double rate = 2.0 * multiply_adds / best.seconds * 1e-9;
  state.counters["GFLOP/s"] = rate;
  state.counters["%peak"] = 100.0 * rate / peak.gops;
  state.counters["layers"] = static_cast<double>(shape.count);
}

}  // namespace tessera
