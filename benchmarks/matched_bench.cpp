// u8 times s8 by lists of matched groups on the layers of ResNet-50 and BERT-base (tests/shapes), on one thread, with
// weights of all 8 bits and of 7: GFLOP/s and percent of the measured peak of bytes. With what a plan does around the
// kernel: rows are interleaved, sums finished by the epilogue.
//   tessera_benchmarks --benchmark_filter='matched/.*/resnet50'
#include "core/memory.hpp"
#include "cpu/features.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/matched/match.hpp"
#include "layers.hpp"

namespace tessera {
namespace {

class MatchedLayer {
 public:
  MatchedLayer(const VectorKernels& vector, const Shape& shape, int most_weight)
      : kernels_(*vector.matched_bytes),
        finisher_(*find_brgemm(DataType::u8, DataType::s8, vector.isa)),
        shape_(shape),
        groups_((shape.k * shape.taps + matched::group_k - 1) / matched::group_k),
        blocks_(static_cast<int>((groups_ + most_block_groups - 1) / most_block_groups)) {
    const std::int64_t row_bytes = groups_ * matched::group_k;
    a_ = AlignedBuffer(static_cast<std::size_t>(shape.m * row_bytes));
    c_ = AlignedBuffer(static_cast<std::size_t>(shape.m * shape.n));
    std::mt19937 random(1);
    for (std::size_t i = 0; i < a_.size(); ++i) a_.data()[i] = static_cast<std::byte>(random());
    for (std::int64_t m = 0; m < shape.m; ++m) {
      a_rows_.push_back(a_.data() + m * row_bytes);
      c_rows_.push_back(c_.data() + m * shape.n);
    }
    a_rows_.insert(a_rows_.end(), tile_rows, a_rows_.back());
    interleaved_ = AlignedBuffer(static_cast<std::size_t>((groups_ + 8) * matched::group_k * tile_rows));
    sums_ = AlignedBuffer(tile_rows * matched_columns * sizeof(std::int32_t));
    make_lists(most_weight);
    const auto padded = static_cast<std::size_t>(panels() * matched_columns);
    bias_.assign(padded, 1.0F);
    scale_.assign(padded, 1e-3F);
    compensation_.assign(padded, 7);
    epilogue_.bias = bias_.data();
    epilogue_.scale = scale_.data();
    epilogue_.compensation = compensation_.data();
    epilogue_.activation = Activation::relu;
    epilogue_.c_type = DataType::u8;
  }

  void run() {
    for (std::int64_t row = 0; row < shape_.m; row += tile_rows) run_tile(row);
    benchmark::ClobberMemory();
  }

 private:
  static constexpr std::int64_t tile_rows = most_matched_vectors * 8, most_block_groups = 128;

  [[nodiscard]] std::int64_t panels() const { return (shape_.n + matched_columns - 1) / matched_columns; }
  [[nodiscard]] std::int64_t edge(int block) const { return groups_ * block / blocks_; }

  void make_lists(int most_weight) {
    RandomWeights random(most_weight);
    std::vector<std::vector<std::int8_t>> columns(static_cast<std::size_t>(panels() * matched_columns));
    for (std::size_t n = 0; n < columns.size(); ++n) {
      columns[n].resize(static_cast<std::size_t>(groups_ * matched::group_k));
      for (std::int8_t& weight : columns[n])
        weight = n < static_cast<std::size_t>(shape_.n) ? static_cast<std::int8_t>(random.next()) : std::int8_t{0};
    }
    lists_.resize(columns.size() * static_cast<std::size_t>(2 * groups_) + 1);
    std::uint32_t written = 0;
    for (std::size_t panel = 0; panel < columns.size(); panel += matched_columns) {
      for (int block = 0; block < blocks_; ++block) {
        for (std::size_t i = 0; i < matched_columns; ++i) {
          starts_.push_back(written);
          const std::int8_t* const column = columns[panel + i].data() + edge(block) * matched::group_k;
          written += static_cast<std::uint32_t>(
              matched::match_column(column, static_cast<int>(edge(block + 1) - edge(block)), &lists_[written]));
        }
      }
    }
    starts_.push_back(written);
  }

  void run_tile(std::int64_t row) {
    const std::int64_t count = std::min(tile_rows, shape_.m - row);
    const int vectors = static_cast<int>((count + 7) / 8);
    kernels_.interleave({a_rows_.data() + row, vectors, 0, groups_, interleaved_.data()});
    MatchedCall call;
    call.vectors = vectors;
    call.groups = lists_.data();
    call.starts = starts_.data();
    call.sums = sums_.data();
    BrgemmBlock finish;
    finish.m = static_cast<int>(count);
    finish.b = finish.accumulators = sums_.data();
    finish.first = false;
    finish.c_rows = c_rows_.data() + row;
    finish.epilogue = &epilogue_;
    for (finish.n0 = 0; finish.n0 < shape_.n; finish.n0 += matched_columns) {
      for (int block = 0; block < blocks_; ++block, call.starts += matched_columns) {
        call.a = interleaved_.data() + edge(block) * matched::group_k * vectors * 8;
        call.first = block == 0;
        kernels_.multiply(call);
      }
      finish.n = std::min(matched_columns, static_cast<int>(shape_.n) - finish.n0);
      finisher_.run(finish);
    }
  }

  const MatchedBytes& kernels_;
  const BrgemmKernel& finisher_;
  Shape shape_;
  std::int64_t groups_;
  int blocks_;
  AlignedBuffer a_, c_, interleaved_, sums_;
  std::vector<const std::byte*> a_rows_;
  std::vector<std::byte*> c_rows_;
  std::vector<MatchedGroups> lists_;
  std::vector<std::uint32_t> starts_;
  std::vector<float> bias_, scale_;
  std::vector<std::int32_t> compensation_;
  Epilogue epilogue_;
};

void run_layer(benchmark::State& state, const VectorKernels& vector, const Shape& shape, int most_weight) {
  if (const auto reason = why_unavailable(cpu_features(), vector.isa)) {
    state.SkipWithError(reason->c_str());
    return;
  }
  MatchedLayer layer(vector, shape, most_weight);
  measure_layer(state, shape, peak_of(DataType::u8, vector.isa), [&] { layer.run(); });
}

bool register_all() {
  for (const VectorKernels& vector : all_vector_kernels()) {
    if (vector.matched_bytes == nullptr) continue;
    for_each_shape([&](const std::string& model, const Shape& shape) {
      for (const auto& [kind, most_weight] : {std::pair("", 127), std::pair(" 7-bit", 64)}) {
        const std::string name =
            "matched/" + std::string(vector.name) + "-u8s8-matched" + kind + '/' + model + '/' + shape.name;
        const auto run = [&vector, shape, most = most_weight](benchmark::State& state) {
          run_layer(state, vector, shape, most);
        };
        benchmark::RegisterBenchmark(name.c_str(), run)->MinTime(0.05)->Unit(benchmark::kMicrosecond);
      }
    });
  }
  return true;
}

const bool registered = register_all();

}  // namespace
}  // namespace tessera
