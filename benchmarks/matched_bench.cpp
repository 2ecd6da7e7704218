// u8 times s8 by lists of matched groups on the layers of ResNet-50 and BERT-base (tests/shapes), as a step of the
// plan, on one thread, with weights of all 8 bits and of 7: GFLOP/s and percent of the measured peak of bytes.
//   tessera_benchmarks --benchmark_filter='matched/.*/resnet50'
#include "compile/product/matched_weights.hpp"
#include "cpu/features.hpp"
#include "layers.hpp"
#include "run/steps/matched_step.hpp"

namespace tessera {
namespace {

void run_layer(benchmark::State& state, const VectorKernels& vector, const LayerShape& shape, int most_weight) {
  if (const auto reason = why_unavailable(cpu_features(), vector.isa)) {
    state.SkipWithError(reason->c_str());
    return;
  }
  Operands operands(shape, DataType::u8, matched_columns);
  const GemmWeights weights{nullptr, 1, shape.n, operands.segment_k(), false, 1};
  const std::vector<std::byte> elements = random_weights(shape, DataType::s8, most_weight);
  const auto lists = std::make_shared<const AlignedBuffer>(match_weights(weights, elements.data()));
  const BrgemmKernel& finisher = *find_brgemm(DataType::u8, DataType::s8, vector.isa);
  const MatchedStep step(finisher, *vector.matched_bytes, {operands.spec(), matched_k(weights), lists});
  measure_layer(state, shape, vector.isa, peak_of(DataType::u8, vector.isa), [&] { operands.run(step); });
}

bool register_all() {
  for (const VectorKernels& vector : all_vector_kernels()) {
    if (vector.matched_bytes == nullptr) continue;
    for_each_shape([&](const std::string& model, const LayerShape& shape) {
      for (const auto& [kind, most_weight] : {std::pair("", 127), std::pair(" 7-bit", 64)}) {
        const std::string kernel = std::string(vector.name) + "-u8s8-matched" + kind;
        const auto run = [&vector, shape, most = most_weight](benchmark::State& state) {
          run_layer(state, vector, shape, most);
        };
        benchmark::RegisterBenchmark(("matched/" + kernel + '/' + model + '/' + shape.name).c_str(), run)
            ->MinTime(0.05)
            ->Unit(benchmark::kMicrosecond);
      }
    });
  }
  return true;
}

const bool registered = register_all();

}  // namespace
}  // namespace tessera
