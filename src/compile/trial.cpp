#include "compile/trial.hpp"

#include <cstring>

#include "compile/lower/lower.hpp"

namespace tessera {
namespace {

/// 0.75 as f32 or bf16, 63 as a byte: ordinary numbers in every type.
constexpr int ordinary_byte = 0x3f;

struct Operand {
  BufferId buffer = no_buffer;
  std::int64_t bytes = 0;
};

/// What the caches see between two runs of a layer: the weights of other layers, and then the layer's operands, written
/// by all members.
class Surroundings final : public Step {
 public:
  Surroundings(std::shared_ptr<const AlignedBuffer> others, std::vector<Operand> operands)
      : others_(std::move(others)), operands_(std::move(operands)) {}

  void run(const RunContext& context) const noexcept override {
    const Range lines = share(static_cast<std::int64_t>(others_->size()), context.member, context.members, line);
    std::uint64_t sum = 0, word = 0;
    for (std::int64_t at = lines.first; at < lines.last; at += line) {
      std::memcpy(&word, others_->data() + at, sizeof word);
      sum += word;
    }
    volatile std::uint64_t sink = sum;  // the reads have to happen
    static_cast<void>(sink);
    for (const Operand& operand : operands_) {
      const Range part = share(operand.bytes, context.member, context.members, line);
      std::memset(context.at(operand.buffer) + part.first, ordinary_byte,
                  static_cast<std::size_t>(part.last - part.first));
    }
  }

 private:
  static constexpr std::int64_t line = 64;
  std::shared_ptr<const AlignedBuffer> others_;
  std::vector<Operand> operands_;
};

/// The node with its values and nothing else.
Graph alone(const Graph& graph, const Node& node) {
  Graph layer;
  layer.opset = graph.opset;
  layer.nodes.push_back(node);
  for (std::vector<ValueId>* ids : {&layer.nodes.front().inputs, &layer.nodes.front().outputs}) {
    for (ValueId& id : *ids) {
      if (id == no_value) continue;
      layer.values.push_back(graph.value(id));
      id = static_cast<ValueId>(layer.values.size() - 1);
    }
  }
  return layer;
}

}  // namespace

std::shared_ptr<const Plan> make_trial(const Trial& trial, Chooser& chooser, WeightStore& weights) {
  const Graph layer = alone(trial.graph, trial.node);
  Builder builder(layer, trial.isa, weights, &chooser);
  std::vector<Operand> operands;
  std::vector<BufferId> written;
  for (const ValueId id : layer.nodes.front().inputs) {
    if (id == no_value || builder.value(id).is_constant()) continue;
    if (builder.wanted_as_image(id)) {
      const Image image = builder.image_output(id);
      operands.push_back({image.buffer, image.bytes()});
    } else {
      const std::int64_t elements = builder.shape(id).elements();
      operands.push_back(
          {builder.plain_output(id), elements * static_cast<std::int64_t>(size_of(builder.value(id).type))});
    }
    written.push_back(operands.back().buffer);
  }
  builder.emit(std::make_unique<Surroundings>(trial.others, std::move(operands)), {}, std::move(written));
  lower(builder, layer.nodes.front());
  std::shared_ptr<const Plan> plan = builder.finish();
  weights.pack(trial.threads);
  return plan;
}

}  // namespace tessera
