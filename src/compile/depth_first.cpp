#include "compile/depth_first.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "cpu/topology.hpp"
#include "run/steps/depth_first_step.hpp"

namespace tessera {
namespace {

bool is_read_once(const Graph& graph, ValueId id) {
  std::int64_t readers = std::ranges::count(graph.outputs, id);
  for (const Node& node : graph.nodes) readers += std::ranges::count(node.inputs, id);
  return readers == 1;
}

/// Rows of the convolution in a band; 0 where not even one of them leaves room in L2.
std::int64_t band_rows(const DepthwiseSpec& spec) {
  const auto budget = static_cast<std::int64_t>(l2_bytes_of_a_core()) / 2;
  const std::int64_t between = budget / spec.x.row_stride() - spec.window_rows;
  return between < 0 ? 0 : std::min(spec.y.height, between / spec.stride_h + 1);
}

StepInfo joined(const StepInfo& product, const StepInfo& depthwise, std::int64_t bytes_between) {
  StepInfo info = product;
  info.node = product.node + " + " + depthwise.node;
  info.kernel = product.kernel + ", " + depthwise.kernel;
  info.gflop += depthwise.gflop;
  info.bytes += depthwise.bytes - 2 * bytes_between;
  // How many members would have shared rows or columns: here each has rows of its own.
  std::erase_if(info.choices, [](const StepChoice& choice) { return choice.topic == "threads"; });
  return info;
}

}  // namespace

void join_depth_first(Builder& builder, const Node& node) {
  const auto steps = builder.steps();
  if (steps.size() < 2) return;
  const auto* const depthwise = dynamic_cast<const DepthwiseStep*>(steps.back().get());
  if (depthwise == nullptr) return;
  const auto* const product = dynamic_cast<const GemmStep*>(steps[steps.size() - 2].get());
  if (product == nullptr) return;
  const GemmSpec& from = product->spec();
  const DepthwiseSpec& to = depthwise->spec();
  if (from.c.buffer != to.x.buffer || to.residual.buffer == to.x.buffer) return;
  if (to.x.bytes() <= static_cast<std::int64_t>(l2_bytes_of_a_core())) return;
  const std::int64_t rows = band_rows(to);
  if (rows == 0 || !is_read_once(builder.graph(), node.inputs[0])) return;

  const StepInfo info =
      joined(product->info, depthwise->info, to.x.count * to.x.height * to.x.width * to.x.pixel_bytes());
  const std::vector<BufferId> reads{from.a.buffer, from.row_scale, from.dequantize_a, from.residual.buffer,
                                    to.residual.buffer};
  const std::vector<BufferId> writes{to.y.buffer};
  builder.give_up(to.x.buffer);
  std::unique_ptr<const Step> second = builder.take_back(), first = builder.take_back();
  auto step = std::make_unique<DepthFirstStep>(
      std::unique_ptr<const GemmStep>(static_cast<const GemmStep*>(first.release())),
      std::unique_ptr<const DepthwiseStep>(static_cast<const DepthwiseStep*>(second.release())), rows);
  step->info = info;
  builder.emit(std::move(step), reads, writes);
}

}  // namespace tessera
