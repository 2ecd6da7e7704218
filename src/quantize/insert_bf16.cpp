#include "quantize/insert_bf16.hpp"

#include <algorithm>
#include <utility>

#include "tessera/bfloat16.hpp"

namespace tessera {
namespace {

constexpr std::int64_t onnx_float = 1, onnx_bfloat16 = 16;  // TensorProto.DataType

class Bf16Insertion {
 public:
  Bf16Insertion(Graph& graph, Bf16WeightStore& weights) : graph_(graph), weights_(weights), uses_(graph) {}

  void add(const std::string& product) {
    const int index = node_index(graph_, product);
    if (index < 0) return;
    const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
    const WeightPlace place = weights_of(graph_, uses_, node);
    if (place.constant != no_value) products_[index] = place;
  }

  void run() {
    if (products_.empty()) return;
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (const auto& [index, place] : products_) {
      Node& reader = nodes[static_cast<std::size_t>(place.transpose >= 0 ? place.transpose : index)];
      reader.inputs[place.transpose >= 0 ? 0 : 1] = rounded(place.constant);
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Node& node = nodes[i];
      if (products_.contains(static_cast<int>(i))) node.inputs[0] = through_bf16(node.inputs[0]);
      graph_.nodes.push_back(std::move(node));
    }
    graph_.remove_unused();
  }

 private:
  ValueId rounded(ValueId constant) {
    auto [entry, fresh] = rounded_.try_emplace(constant, no_value);
    if (fresh) {
      const std::string name = graph_.value(constant).name;
      entry->second = graph_.add_constant(name + "_bf16", weights_.get(graph_.value(constant).constant));
    }
    return entry->second;
  }

  ValueId through_bf16(ValueId id) {
    auto [entry, fresh] = casts_.try_emplace(id, no_value);
    if (fresh) {
      const std::string name = graph_.value(id).name;
      const ValueId narrow = cast(name + "_to_bf16", id, DataType::bf16, onnx_bfloat16);
      entry->second = cast(name + "_from_bf16", narrow, DataType::f32, onnx_float);
    }
    return entry->second;
  }

  ValueId cast(const std::string& name, ValueId from, DataType type, std::int64_t to) {
    const SymbolicShape shape = graph_.value(from).shape;
    const ValueId id = graph_.add_value(name, type, shape);
    graph_.nodes.push_back({"Cast", graph_.value(id).name, {from}, {id}, {{"to", to}}});
    return id;
  }

  Graph& graph_;
  Bf16WeightStore& weights_;
  Uses uses_;
  std::map<int, WeightPlace> products_;
  std::map<ValueId, ValueId> rounded_, casts_;
};

}  // namespace

const Tensor& Bf16WeightStore::get(const Tensor& weights) {
  Entry& found = entries_[weights.data()];
  if (found.source.empty()) {
    found = {weights, Tensor(DataType::f32, weights.shape())};
    std::ranges::transform(weights.as<float>(), found.rounded.mutable_as<float>().begin(),
                           [](float w) { return static_cast<float>(bfloat16(w)); });
  }
  return found.rounded;
}

void insert_bf16(Graph& graph, const std::vector<QuantizableLayer>& layers, const std::set<std::string>& names,
                 Bf16WeightStore& weights) {
  Bf16Insertion insertion(graph, weights);
  for (const QuantizableLayer& layer : layers)
    if (layer.follows.empty() && names.contains(layer.name))
      for (const std::string& product : layer.products) insertion.add(product);
  insertion.run();
}

}  // namespace tessera
