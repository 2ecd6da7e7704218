#include "quantize/insert_qdq.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "quantize/attention_qdq.hpp"
#include "quantize/bias_correction.hpp"

namespace tessera {
namespace {

/// Biases are kept well inside s32: a sum is added to them.
constexpr double largest_bias = 1 << 30;

/// [N, K] -> [K, N].
Tensor transpose(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0], columns = matrix.shape()[1];
  Tensor result(DataType::s8, Shape{columns, rows});
  const auto from = matrix.as<std::int8_t>();
  const auto to = result.mutable_as<std::int8_t>();
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      to[static_cast<std::size_t>(c * rows + r)] = from[static_cast<std::size_t>(r * columns + c)];
  return result;
}

/// Writes the rewritten node list. Indices of nodes are those of the graph as it was.
class Insertion {
 public:
  Insertion(Graph& graph, const std::vector<QuantizableLayer>& layers, const RangeObserver& ranges,
            QuantizedWeightStore& weights, const QdqOptions& options)
      : graph_(graph), ranges_(ranges), weights_(weights), options_(options), uses_(graph) {
    for (const QuantizableLayer& layer : layers) {
      const std::string& decides = layer.follows.empty() ? layer.name : layer.follows;
      if (!options.float_layers.contains(decides)) add_layer(layer);
    }
    share_through_movers();
  }

  void run() {
    nodes_ = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Node& node = nodes_[i];
      const int index = static_cast<int>(i);
      if (const auto product = products_.find(index); product != products_.end())
        quantize_product(node, product->second);
      if (const auto bias = new_biases_.find(index); bias != new_biases_.end())
        node.inputs[bias->second.first] = bias->second.second;
      for (std::size_t input = 0; input < node.inputs.size(); ++input)
        if (reads_integers_.contains({index, input})) node.inputs[input] = dequantized(node.inputs[input]);
      graph_.nodes.push_back(std::move(node));
    }
    graph_.remove_unused();
  }

 private:
  struct Product {
    WeightPlace weights;
    BiasPlace bias;
    std::string x;
  };

  void add_layer(const QuantizableLayer& layer) {
    for (const std::string& name : layer.products) {
      const int index = node_index(graph_, name);
      const Node& node = graph_.nodes[static_cast<std::size_t>(index)];
      if (layer.follows.empty()) {
        const WeightPlace weights = weights_of(graph_, uses_, node);
        if (weights.constant == no_value) continue;
        products_[index] = {weights, bias_of(graph_, uses_, index), layer.x};
      }
      read_integers(index, input_of(node, layer));
      if (!layer.residual.empty() && (options_.residuals || !layer.linear)) add_residual(index, layer);
    }
  }

  /// Where the node reads what the layer is about: a factor may stand on either side.
  std::size_t input_of(const Node& node, const QuantizableLayer& layer) const {
    const auto reads = [&](ValueId id) { return id != no_value && graph_.value(id).name == layer.x; };
    const auto found = std::ranges::find_if(node.inputs, reads);
    return found == node.inputs.end() ? 0 : static_cast<std::size_t>(found - node.inputs.begin());
  }

  /// The Add behind a product, or behind the Add of its bias, reads what it adds as integers.
  void add_residual(int product, const QuantizableLayer& layer) {
    const ResidualPlace place = residual_of(graph_, uses_, product, layer.residual);
    if (place.node < 0) return;
    read_integers(place.node, place.input);
    if (options_.sums && !layer.sum.empty()) read_integers(place.node, 1 - place.input);
  }

  void read_integers(int node, std::size_t input) {
    reads_integers_.insert({node, input});
    values_.insert(graph_.nodes[static_cast<std::size_t>(node)].inputs[input]);
  }

  /// MaxPool chooses among its inputs and a view does not even do that: the same parameters serve both sides. A view is
  /// worth it behind a pooling only, which writes u8 then.
  bool moves(const Node& node) const {
    if (node.op == "MaxPool") return true;
    if (node.op != "Flatten" && node.op != "Reshape" && node.op != "Squeeze") return false;
    const int producer = uses_.producer(node.inputs[0]);
    return producer >= 0 && graph_.nodes[static_cast<std::size_t>(producer)].op == "GlobalAveragePool";
  }

  static bool joins(const Node& node) { return node.op == "Concat"; }

  /// Whether nobody else reads what would take the parameters of the node's output.
  bool may_share(const Node& node) const {
    const auto free = [&](ValueId id) {
      return uses_.single_use(id) && !graph_.value(id).is_constant() && graph_.value(id).type == DataType::f32;
    };
    return joins(node) ? std::ranges::all_of(node.inputs, free) : uses_.single_use(node.inputs[0]);
  }

  void share_through_movers() {
    for (std::size_t i = graph_.nodes.size(); i-- > 0;) {
      const Node& node = graph_.nodes[i];
      const ValueId source = node.outputs[0];
      if (!values_.contains(source) || !(moves(node) || joins(node)) || !may_share(node)) continue;
      for (std::size_t input = 0; input < (joins(node) ? node.inputs.size() : 1); ++input) {
        shared_[node.inputs[input]] = shared_.contains(source) ? shared_.at(source) : source;
        read_integers(static_cast<int>(i), input);
      }
    }
  }

  Quantization activation(ValueId id) const {
    return activation_quantization(ranges_.of(graph_.value(shared_.contains(id) ? shared_.at(id) : id).name));
  }

  ValueId dequantized(ValueId id) {
    auto [entry, fresh] = dequantized_.try_emplace(id, no_value);
    if (fresh) {
      const Quantization q = activation(id);
      const std::string name = graph_.value(id).name;
      const SymbolicShape shape = graph_.value(id).shape;
      const ValueId scale = graph_.add_constant(name + "_scale", Tensor::scalar(q.scale[0]));
      const ValueId zero =
          graph_.add_constant(name + "_zero_point", Tensor::scalar(static_cast<std::uint8_t>(q.zero_point[0])));
      const ValueId integers = append("QuantizeLinear", name + "_quantized", DataType::u8, shape, {id, scale, zero});
      entry->second = append("DequantizeLinear", name + "_dequantized", DataType::f32, shape, {integers, scale, zero});
    }
    return entry->second;
  }

  void quantize_product(Node& node, const Product& product) {
    const Value& constant = graph_.value(product.weights.constant);
    const Tensor weights = constant.constant;
    const std::string name = constant.name;
    const QuantizedWeights& quantized = weights_.get(weights, product.weights.output_axis);
    const bool turn = product.weights.transpose >= 0;
    const int axis = turn ? product.weights.input_axis : product.weights.output_axis;
    quantize_bias(node, product, weights, quantized);
    node.inputs[1] =
        dequantized_constant(name, turn ? weights_.transposed(weights, product.weights.output_axis) : quantized.values,
                             quantized.quantization.scale, axis);
  }

  /// Corrects the bias where it is known how, and makes it s32 where ONNX has a place for that.
  void quantize_bias(Node& node, const Product& product, const Tensor& weights, const QuantizedWeights& quantized) {
    if (product.bias.node < 0) return;
    const bool own = node.op != "MatMul";
    const Node& holder = own ? node : nodes_[static_cast<std::size_t>(product.bias.node)];
    const Value& value = graph_.value(holder.inputs[product.bias.input]);
    const std::string name = value.name;
    Tensor bias = value.constant;
    const std::vector<float>& scales = quantized.quantization.scale;
    if (static_cast<std::size_t>(bias.shape().elements()) != scales.size()) return;
    const ChannelStatistics* statistics = ranges_.channels(product.x);
    const bool corrects = options_.bias_correction && statistics != nullptr;
    if (corrects) {
      const std::vector<double> shift =
          bias_correction(weights, quantized, *statistics, node.attribute_or<std::int64_t>("group", 1));
      Tensor corrected(DataType::f32, bias.shape());
      for (std::size_t i = 0; i < shift.size(); ++i)
        corrected.mutable_as<float>()[i] = static_cast<float>(static_cast<double>(bias.as<float>()[i]) + shift[i]);
      bias = corrected;
    }
    if (own && bias.shape().rank() == 1) {
      if (const auto integers = integer_bias(bias, activation(node.inputs[0]).scale[0], scales)) {
        node.inputs[2] = dequantized_constant(name, integers->first, integers->second, 0);
        return;
      }
    }
    if (!corrects) return;
    const ValueId replacement = graph_.add_constant(name + "_corrected", bias);
    if (own)
      node.inputs[2] = replacement;
    else
      new_biases_[product.bias.node] = {product.bias.input, replacement};
  }

  /// In units of the sums: scale of x times scale of w. Nothing when it does not fit.
  static std::optional<std::pair<Tensor, std::vector<float>>> integer_bias(const Tensor& bias, float x_scale,
                                                                           const std::vector<float>& scales) {
    Tensor integers(DataType::s32, bias.shape());
    std::vector<float> units;
    for (std::size_t i = 0; i < scales.size(); ++i) {
      units.push_back(x_scale * scales[i]);
      const double q = std::nearbyint(static_cast<double>(bias.as<float>()[i]) / static_cast<double>(units[i]));
      if (!(std::fabs(q) < largest_bias)) return std::nullopt;
      integers.mutable_as<std::int32_t>()[i] = static_cast<std::int32_t>(q);
    }
    return std::pair{std::move(integers), std::move(units)};
  }

  ValueId dequantized_constant(const std::string& name, Tensor integers, const std::vector<float>& scales, int axis) {
    const auto channels = static_cast<std::int64_t>(scales.size());
    const SymbolicShape shape = SymbolicShape(integers.shape());
    const DataType type = integers.type();
    std::vector<ValueId> inputs{graph_.add_constant(name + "_quantized", std::move(integers)),
                                graph_.add_constant(name + "_scale", Tensor::from<float>(Shape{channels}, scales))};
    if (type == DataType::s8)
      inputs.push_back(graph_.add_constant(name + "_zero_point", Tensor(DataType::s8, Shape{channels})));
    return append("DequantizeLinear", name + "_dequantized", DataType::f32, shape, std::move(inputs),
                  {{"axis", std::int64_t{axis}}});
  }

  ValueId append(std::string op, const std::string& name, DataType type, const SymbolicShape& shape,
                 std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId id = graph_.add_value(name, type, shape);
    graph_.nodes.push_back({std::move(op), graph_.value(id).name, std::move(inputs), {id}, std::move(attributes)});
    return id;
  }

  Graph& graph_;
  const RangeObserver& ranges_;
  QuantizedWeightStore& weights_;
  const QdqOptions& options_;
  Uses uses_;
  std::vector<Node> nodes_;  // as they were; moved to the graph one by one
  std::map<int, Product> products_;
  std::set<std::pair<int, std::size_t>> reads_integers_;       // node, input
  std::set<ValueId> values_;                                   // activations that become u8
  std::map<ValueId, ValueId> shared_;                          // value -> the value whose parameters it takes
  std::map<ValueId, ValueId> dequantized_;                     // float value -> output of its DequantizeLinear
  std::map<int, std::pair<std::size_t, ValueId>> new_biases_;  // node -> input and its new constant
};

}  // namespace

QuantizedWeightStore::Entry& QuantizedWeightStore::entry(const Tensor& weights, int axis) {
  Entry& found = entries_[weights.data()];
  if (found.source.empty() || found.quantized.quantization.axis != axis)
    found = {weights, quantize_weights(weights, axis), {}};
  return found;
}

const QuantizedWeights& QuantizedWeightStore::get(const Tensor& weights, int axis) {
  return entry(weights, axis).quantized;
}

const Tensor& QuantizedWeightStore::transposed(const Tensor& weights, int axis) {
  Entry& found = entry(weights, axis);
  if (found.transposed.empty()) found.transposed = transpose(found.quantized.values);
  return found.transposed;
}

QdqOptions qdq_options(const CalibrationOptions& how, std::set<std::string> float_layers) {
  return {std::move(float_layers), how.bias_correction, how.attention, how.int8_residual, how.round_sums};
}

void insert_qdq(Graph& graph, const std::vector<QuantizableLayer>& layers, const RangeObserver& ranges,
                QuantizedWeightStore& weights, const QdqOptions& options) {
  Insertion(graph, layers, ranges, weights, options).run();
  if (options.attention == AttentionProducts::linears) return;
  for (const QuantizableLayer& layer : layers)
    if (!layer.attention.softmax.empty() && !options.float_layers.contains(layer.name))
      insert_attention_qdq(graph, layer.attention, ranges, options.attention);
}

}  // namespace tessera
