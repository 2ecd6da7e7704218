// Every BRGEMM kernel on the layers of ResNet-50 and BERT-base (tests/shapes), in the loops that the plan has around
// it, on one thread: GFLOP/s and percent of the measured peak. Kernels whose speed depends on the size of integer
// weights run with weights of 8 and of 7 bits.
//   tessera_benchmarks --benchmark_filter='brgemm/avx2-f32.*/bert_base'
#include "cpu/features.hpp"
#include "kernels/brgemm/overflow.hpp"
#include "layers.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {
namespace {

/// Packed panels, and the marks of those whose kernel reads them.
struct Weights {
  AlignedBuffer packed;
  std::vector<std::uint8_t> marks;

  Weights(const BrgemmKernel& kernel, const LayerShape& shape, const std::vector<std::int64_t>& segment_k, int most) {
    const DataType type = kernel.b == DataType::bf16 ? DataType::f32 : kernel.b;
    const std::vector<std::byte> weights = random_weights(shape, type, most);
    const std::int64_t k = shape.k * shape.taps;
    packed = AlignedBuffer(packed_b_bytes(kernel, segment_k, shape.n));
    pack_b(kernel, {weights.data(), type, k, shape.n, 1, k}, segment_k, packed.data());
    if (!reads_overflows(kernel)) return;
    const auto group_bytes = static_cast<std::size_t>(kernel.nr * kernel.k_group);
    const std::size_t groups = packed_panel_bytes(kernel, segment_k) / group_bytes;
    marks.resize(packed.size() / group_bytes);
    for (std::size_t first = 0; first < marks.size(); first += groups)
      mark_overflows(kernel, packed.data() + first * group_bytes, static_cast<std::int64_t>(groups), &marks[first]);
  }
};

void run_layer(benchmark::State& state, const BrgemmKernel& kernel, const LayerShape& shape, int most_weight) {
  if (const auto reason = why_unavailable(cpu_features(), kernel.isa)) {
    state.SkipWithError(reason->c_str());
    return;
  }
  Operands operands(shape, kernel.a, kernel.nr);
  const Weights weights(kernel, shape, operands.segment_k(), most_weight);
  GemmSpec spec = operands.spec();
  spec.weights = weights.packed.data();
  if (!weights.marks.empty()) spec.overflows = weights.marks.data();
  const GemmStep step(kernel, vector_kernels(kernel.isa), spec);
  measure_layer(state, shape, kernel.isa, peak_of(kernel.a, kernel.isa), [&] { operands.run(step); });
}

void register_layer(const BrgemmKernel& kernel, const std::string& model, const LayerShape& shape) {
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
    for_each_shape([&](const std::string& model, const LayerShape& shape) { register_layer(kernel, model, shape); });
  return true;
}

const bool registered = register_all();

}  // namespace
}  // namespace tessera
