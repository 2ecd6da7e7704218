// Every BRGEMM kernel on the layers of ResNet-50 and BERT-base (tests/shapes), on one thread: GFLOP/s and percent of
// the measured peak. Kernels whose speed depends on the size of integer weights run with weights of 8 and of 7 bits.
//   tessera_benchmarks --benchmark_filter='brgemm/avx2-f32.*/bert_base'
#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/memory.hpp"
#include "cpu/features.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/brgemm/overflow.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "layers.hpp"

namespace tessera {
namespace {

/// A layer with everything a kernel needs, and the loops over row blocks, panels and K blocks that the plan runs around
/// it.
class Layer {
 public:
  Layer(const BrgemmKernel& kernel, const Shape& shape, int most_weight) : kernel_(kernel), shape_(shape) {
    const auto element = static_cast<std::int64_t>(size_of(kernel.a));
    const std::int64_t row_bytes = shape.k * shape.taps * element;
    a_ = AlignedBuffer(static_cast<std::size_t>(shape.m * row_bytes));
    c_ = AlignedBuffer(static_cast<std::size_t>(shape.m * shape.n * element));
    accumulators_ = AlignedBuffer(static_cast<std::size_t>(row_block() * kernel.nr) * sizeof(float));
    for (std::int64_t m = 0; m < shape.m; ++m) {
      a_rows_.push_back(a_.data() + m * row_bytes);
      c_rows_.push_back(c_.data() + m * shape.n * element);
    }
    fill_a();
    cut_k(element);
    pack(most_weight);
    make_epilogue();
  }

  void run() {
    TileSession tiles;
    BrgemmBlock block;
    block.tiles = &tiles;
    block.accumulators = accumulators_.data();
    block.epilogue = &epilogue_;
    for (std::int64_t row = 0; row < shape_.m; row += row_block()) {
      block.a_rows = a_rows_.data() + row;
      block.c_rows = c_rows_.data() + row;
      block.m = static_cast<int>(std::min(row_block(), shape_.m - row));
      block.b = b_.data();
      if (!marks_.empty()) block.overflows = marks_.data();
      for (block.n0 = 0; block.n0 < shape_.n; block.n0 += kernel_.nr) {
        block.n = std::min(kernel_.nr, static_cast<int>(shape_.n) - block.n0);
        for (std::size_t i = 0; i < segments_.size(); ++i) {
          block.segments = &segments_[i];
          block.segment_count = 1;
          block.first = i == 0;
          block.last = i + 1 == segments_.size();
          kernel_.run(block);
          block.b += segment_b_bytes_[i];
          if (block.overflows != nullptr) block.overflows += segment_b_bytes_[i] / group_bytes();
        }
      }
    }
    tiles.finish();
    benchmark::ClobberMemory();
  }

 private:
  [[nodiscard]] std::int64_t row_block() const { return 126 / kernel_.mr * kernel_.mr; }

  void fill_a() {
    std::mt19937 random(1);
    const auto elements = a_.size() / size_of(kernel_.a);
    for (std::size_t i = 0; i < elements; ++i) {
      const auto value = static_cast<float>(random() % 256);
      switch (kernel_.a) {
        case DataType::bf16: reinterpret_cast<bfloat16*>(a_.data())[i] = bfloat16(value); break;
        case DataType::u8: reinterpret_cast<std::uint8_t*>(a_.data())[i] = static_cast<std::uint8_t>(value); break;
        case DataType::s16: reinterpret_cast<std::int16_t*>(a_.data())[i] = static_cast<std::int16_t>(value); break;
        default: reinterpret_cast<float*>(a_.data())[i] = value;
      }
    }
  }

  /// Pieces of a tap whose B and A fill most of the L1 cache, in whole groups; short taps stay together in one call
  /// each.
  void cut_k(std::int64_t element) {
    const std::int64_t per_k = kernel_.nr * static_cast<std::int64_t>(size_of(kernel_.b)) + kernel_.mr * element;
    const std::int64_t most = 24 * 1024 / per_k;
    const std::int64_t pieces = (shape_.k + most - 1) / most;
    const std::int64_t size = ((shape_.k + pieces - 1) / pieces + 15) / 16 * 16;
    for (std::int64_t tap = 0; tap < shape_.taps; ++tap) {
      for (std::int64_t k = 0; k < shape_.k; k += size) {
        const std::int64_t length = std::min(size, shape_.k - k);
        segments_.push_back({(tap * shape_.k + k) * element, length});
        segment_k_.push_back(length);
        segment_b_bytes_.push_back(packed_panel_bytes(kernel_, std::span(&segment_k_.back(), 1)));
      }
    }
  }

  [[nodiscard]] std::size_t group_bytes() const { return static_cast<std::size_t>(kernel_.nr * kernel_.k_group); }

  void pack(int most_weight) {
    const std::int64_t k = shape_.k * shape_.taps;
    const DataType type = kernel_.b == DataType::bf16 ? DataType::f32 : kernel_.b;
    std::vector<std::byte> weights(static_cast<std::size_t>(k * shape_.n) * size_of(type));
    RandomWeights random(most_weight);
    for (std::size_t i = 0; i < weights.size(); i += size_of(type)) {
      const float value = random.next();
      if (type == DataType::s8) {
        weights[i] = static_cast<std::byte>(static_cast<std::int8_t>(value));
      } else if (type == DataType::s16) {
        const auto word = static_cast<std::int16_t>(value);
        std::memcpy(&weights[i], &word, sizeof(word));
      } else {
        std::memcpy(&weights[i], &value, sizeof(value));
      }
    }
    b_ = AlignedBuffer(packed_b_bytes(kernel_, segment_k_, shape_.n));
    pack_b(kernel_, {weights.data(), type, k, shape_.n, 1, k}, segment_k_, b_.data());
    if (!reads_overflows(kernel_)) return;
    const std::size_t groups = packed_panel_bytes(kernel_, segment_k_) / group_bytes();
    marks_.resize(b_.size() / group_bytes());
    for (std::size_t first = 0; first < marks_.size(); first += groups)
      mark_overflows(kernel_, b_.data() + first * group_bytes(), static_cast<std::int64_t>(groups),
                     marks_.data() + first);
  }

  void make_epilogue() {
    const std::size_t padded = round_up(static_cast<std::size_t>(shape_.n), static_cast<std::size_t>(kernel_.nr));
    bias_.assign(padded, 1.0F);
    scale_.assign(padded, 1e-3F);
    compensation_.assign(padded, 7);
    epilogue_.bias = bias_.data();
    epilogue_.activation = Activation::relu;
    epilogue_.c_type = kernel_.a == DataType::s16 ? DataType::u8 : kernel_.a;
    if (kernel_.a != DataType::u8 && kernel_.a != DataType::s16) return;
    epilogue_.scale = scale_.data();
    epilogue_.compensation = compensation_.data();
  }

  const BrgemmKernel& kernel_;
  Shape shape_;
  AlignedBuffer a_, b_, c_, accumulators_;
  std::vector<std::uint8_t> marks_;
  std::vector<const std::byte*> a_rows_;
  std::vector<std::byte*> c_rows_;
  std::vector<KSegment> segments_;
  std::vector<std::int64_t> segment_k_;
  std::vector<std::size_t> segment_b_bytes_;
  std::vector<float> bias_, scale_;
  std::vector<std::int32_t> compensation_;
  Epilogue epilogue_;
};

void run_layer(benchmark::State& state, const BrgemmKernel& kernel, const Shape& shape, int most_weight) {
  if (const auto reason = why_unavailable(cpu_features(), kernel.isa)) {
    state.SkipWithError(reason->c_str());
    return;
  }
  Layer layer(kernel, shape, most_weight);
  measure_layer(state, shape, peak_of(kernel.a, kernel.isa), [&] { layer.run(); });
}

void register_layer(const BrgemmKernel& kernel, const std::string& model, const Shape& shape) {
  const auto add = [&](const std::string& kind, int most_weight) {
    const std::string name = "brgemm/" + std::string(kernel.name) + kind + '/' + model + '/' + shape.name;
    const auto run = [&kernel, shape, most_weight](benchmark::State& state) {
      run_layer(state, kernel, shape, most_weight);
    };
    benchmark::RegisterBenchmark(name.c_str(), run)->MinTime(0.05)->Unit(benchmark::kMicrosecond);
  };
  add("", 127);
  if (reads_overflows(kernel)) add(" 7-bit", 64);
}

bool register_all() {
  for (const BrgemmKernel& kernel : all_brgemm())
    for_each_shape([&](const std::string& model, const Shape& shape) { register_layer(kernel, model, shape); });
  return true;
}

const bool registered = register_all();

}  // namespace
}  // namespace tessera
