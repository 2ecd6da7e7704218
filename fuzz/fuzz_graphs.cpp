// Bytes as a recipe for a small quantized graph: pairs of QuantizeLinear and DequantizeLinear around convolutions,
// pools, sums and movements, as exporters write them and as they do not. Such a graph is right by construction, so
// nothing may refuse it: after the passes it still holds together and has the same outputs, and where plain code can
// run what the passes made, it computes numbers. Plans of it give the same bits on every tier, with the items of a
// batch together and apart.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"
#include "plan_runs.hpp"

namespace {

using tessera::Binding;
using tessera::DataType;
using tessera::Dim;
using tessera::Graph;
using tessera::Shape;
using tessera::Tensor;
using tessera::ValueId;
using tessera::fuzzing::require;

constexpr std::int64_t channels = 4, side = 6;

class Recipe {
 public:
  explicit Recipe(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  Graph build() {
    values_.push_back(graph_.add_input("x", DataType::f32, {Dim("batch"), channels, side, side}));
    for (int i = 0; i < 12 && !bytes_.empty(); ++i) values_.push_back(step());
    graph_.outputs.push_back(values_.back());
    if (next() % 4 == 0 && values_.size() > 2) graph_.outputs.push_back(values_[values_.size() / 2]);
    return std::move(graph_);
  }

 private:
  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  ValueId earlier() { return values_[values_.size() - 1 - next() % std::min<std::size_t>(values_.size(), 3)]; }

  /// Scale and zero point of one tensor.
  std::pair<ValueId, ValueId> parameters(bool is_signed) {
    const float scale = 0.01F + static_cast<float>(next()) / 512.0F;
    const ValueId scale_id = graph_.add_constant("scale", Tensor::scalar(scale));
    if (is_signed) return {scale_id, graph_.add_constant("zero", Tensor::scalar(static_cast<std::int8_t>(next())))};
    return {scale_id, graph_.add_constant("zero", Tensor::scalar(next()))};
  }
  ValueId quantized(ValueId value, bool is_signed) {
    const auto [scale, zero] = parameters(is_signed);
    const ValueId codes = graph_.append("QuantizeLinear", "quantize", {value, scale, zero});
    return graph_.append("DequantizeLinear", "dequantize", {codes, scale, zero});
  }

  ValueId convolution(ValueId value) {
    const std::int64_t kernel = next() % 2 == 0 ? 1 : 3;
    Tensor weights(DataType::s8, Shape{channels, channels, kernel, kernel});
    for (std::int8_t& weight : weights.mutable_as<std::int8_t>()) weight = static_cast<std::int8_t>(next());
    const ValueId scale = graph_.add_constant("weight_scale", Tensor::scalar(0.01F));
    const ValueId zero = graph_.add_constant("weight_zero", Tensor::scalar(std::int8_t{0}));
    const ValueId codes = graph_.add_constant("weights", std::move(weights));
    const ValueId real = graph_.append("DequantizeLinear", "weights_real", {codes, scale, zero});
    const std::vector<std::int64_t> pads(4, kernel / 2);
    return graph_.append("Conv", "conv", {value, real}, {{"pads", pads}});
  }
  ValueId pool(ValueId value, const char* op) {
    const std::vector<std::int64_t> kernel{3, 3}, pads{1, 1, 1, 1};
    return graph_.append(op, "pool", {value}, {{"kernel_shape", kernel}, {"pads", pads}});
  }
  ValueId transposed_twice(ValueId value) {
    const std::vector<std::int64_t> there{0, 2, 3, 1}, back{0, 3, 1, 2};
    const ValueId moved = graph_.append("Transpose", "transpose", {value}, {{"perm", there}});
    return graph_.append("Transpose", "transpose", {next() % 2 == 0 ? quantized(moved, false) : moved},
                         {{"perm", back}});
  }

  ValueId step() {
    const ValueId value = earlier();
    switch (next() % 9) {
      case 0: return quantized(value, false);
      case 1: return quantized(value, true);
      case 2: return convolution(quantized(value, next() % 2 == 0));
      case 3: return pool(value, "MaxPool");
      case 4: return pool(value, "AveragePool");
      case 5: return graph_.append("Relu", "relu", {value});
      case 6: return graph_.append("Add", "add", {value, earlier()});
      case 7: return transposed_twice(value);
      default: return graph_.append("Mul", "mul", {value, graph_.add_constant("half", Tensor::scalar(0.5F))});
    }
  }

  std::span<const std::uint8_t> bytes_;
  Graph graph_;
  std::vector<ValueId> values_;
};

Tensor input(std::int64_t items) {
  Tensor x(DataType::f32, Shape{items, channels, side, side});
  std::uint32_t state = 1;
  for (float& number : x.mutable_as<float>()) {
    state = state * 1664525U + 1013904223U;
    number = static_cast<float>(state >> 8U) / 8388608.0F - 1.0F;
  }
  return x;
}

void require_numbers(const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors)
    for (const float number : tensor.as<float>()) require(std::isfinite(number));
}

/// In plain code. Integers that only kernels compute with are left out.
void evaluate_both(const Graph& graph, const Graph& rewritten, const std::vector<Binding>& extents,
                   const std::vector<Tensor>& inputs) {
  Graph bound = graph;
  tessera::bind_shapes(bound, extents);
  require_numbers(tessera::evaluate(bound, inputs));
  bound = rewritten;
  tessera::bind_shapes(bound, extents);
  std::vector<Tensor> outputs;
  try {
    outputs = tessera::evaluate(bound, inputs);
  } catch (const tessera::Error&) {
    return;
  }
  require_numbers(outputs);
}

/// One plan for each tier, every other one by item.
void run_everywhere(const Graph& graph, const std::vector<Binding>& extents, const std::vector<Tensor>& inputs) {
  const std::vector<tessera::Isa>& tiers = tessera::fuzzing::tiers_here();
  const std::vector<Tensor> expected = tessera::fuzzing::run_plan(graph, extents, inputs, tiers[0], false);
  require_numbers(expected);
  for (std::size_t i = 0; i < tiers.size(); ++i)
    tessera::fuzzing::require_same(tessera::fuzzing::run_plan(graph, extents, inputs, tiers[i], i % 2 == 0), expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Graph graph = Recipe({data, size}).build();
  tessera::infer_shapes(graph);
  Graph rewritten = graph;
  tessera::run_passes(rewritten, tessera::default_passes(), nullptr);
  rewritten.validate();
  require(rewritten.outputs.size() == graph.outputs.size());
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const tessera::Value &before = graph.value(graph.outputs[i]), &after = rewritten.value(rewritten.outputs[i]);
    require(before.type == after.type && before.shape == after.shape);
  }
  const std::vector<Binding> extents = tessera::fuzzing::small_extents(graph);
  const std::vector<Tensor> inputs{input(extents[0].extent)};
  evaluate_both(graph, rewritten, extents, inputs);
  run_everywhere(rewritten, extents, inputs);
  return 0;
}
