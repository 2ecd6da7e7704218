#include "quantize/smooth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "passes/passes.hpp"

namespace tessera {
namespace {

/// Multiplies the slices of `axis` by powers of two.
Tensor scaled(const Tensor& tensor, int axis, const std::vector<float>& factors) {
  const Shape& shape = tensor.shape();
  const auto inner = static_cast<std::size_t>(shape.product(static_cast<std::size_t>(axis) + 1, shape.rank()));
  Tensor result(DataType::f32, shape);
  const auto from = tensor.as<float>();
  const auto to = result.mutable_as<float>();
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] * factors[i / inner % factors.size()];
  return result;
}

std::vector<float> inverse(const std::vector<float>& factors) {
  std::vector<float> result;
  result.reserve(factors.size());
  for (const float s : factors) result.push_back(1.0F / s);
  return result;
}

class Smoother {
 public:
  Smoother(QuantizableModel& model, const RangeObserver& statistics, double alpha)
      : graph_(model.standard), model_(model), statistics_(statistics), alpha_(alpha), fused_uses_(model.fused) {}

  int run() {
    int count = 0;
    // Projections of V change the weights that the LayerNormalization in front of them is smoothed for.
    for (const auto kind : {&Smoother::behind_attention, &Smoother::behind_layer_norm}) {
      for (const QuantizableLayer& layer : model_.layers) {
        if (!is_linear(layer) || done(layer.x)) continue;
        if ((this->*kind)(layer.x)) {
          smoothed_.push_back(layer.x);
          ++count;
        }
      }
    }
    return count;
  }

 private:
  bool done(const std::string& x) const { return std::ranges::find(smoothed_, x) != smoothed_.end(); }

  const Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }

  bool is_linear(const QuantizableLayer& layer) const {
    if (!layer.follows.empty()) return false;
    const int index = node_index(graph_, layer.products.front());
    return index >= 0 && (node(index).op == "MatMul" || node(index).op == "Gemm");
  }

  /// The products of all layers that read `x`; nothing when one of them has weights that cannot be changed.
  std::optional<std::vector<int>> readers_of(const std::string& x, const Uses& uses) const {
    std::vector<int> products;
    for (const QuantizableLayer& layer : model_.layers) {
      if (layer.x != x) continue;
      for (const std::string& name : layer.products) {
        products.push_back(node_index(graph_, name));
        if (weights_of(graph_, uses, node(products.back())).constant == no_value) return std::nullopt;
      }
    }
    return products;
  }

  /// s for every channel of x; nothing when there is nothing to smooth.
  std::optional<std::vector<float>> factors(const std::string& x, const std::vector<int>& products,
                                            const Uses& uses) const {
    const ChannelStatistics* statistics = statistics_.channels(x);
    if (statistics == nullptr) return std::nullopt;
    std::vector<float> weight(statistics->largest.size());
    for (const int product : products) {
      const WeightPlace place = weights_of(graph_, uses, node(product));
      const Tensor& tensor = graph_.value(place.constant).constant;
      if (tensor.shape()[static_cast<std::size_t>(place.input_axis)] != static_cast<std::int64_t>(weight.size()))
        return std::nullopt;
      ChannelStatistics rows;
      rows.add(tensor, static_cast<std::size_t>(place.input_axis));
      for (std::size_t j = 0; j < weight.size(); ++j) weight[j] = std::max(weight[j], rows.largest[j]);
    }
    std::vector<float> s;
    for (std::size_t j = 0; j < weight.size(); ++j) s.push_back(factor(statistics->largest[j], weight[j]));
    const bool any = std::ranges::any_of(s, [](float f) { return f != 1.0F; });
    return any ? std::optional(std::move(s)) : std::nullopt;
  }

  float factor(float x, float w) const {
    if (x == 0 || w == 0) return 1.0F;
    const double s = alpha_ * std::log2(static_cast<double>(x)) - (1 - alpha_) * std::log2(static_cast<double>(w));
    constexpr double most = 16;  // far beyond any sensible factor, and far from where floats end
    return static_cast<float>(std::exp2(std::nearbyint(std::clamp(s, -most, most))));
  }

  void scale_weights(const std::vector<int>& products, const std::vector<float>& s) {
    for (const int product : products) {
      const Uses uses(graph_);
      const WeightPlace place = weights_of(graph_, uses, node(product));
      replace_weights(product, place, scaled(graph_.value(place.constant).constant, place.input_axis, s));
    }
  }

  void replace_weights(int product, const WeightPlace& place, Tensor weights) {
    const ValueId constant = graph_.add_constant(graph_.value(place.constant).name + "_smoothed", std::move(weights));
    if (place.transpose >= 0)
      graph_.nodes[static_cast<std::size_t>(place.transpose)].inputs[0] = constant;
    else
      graph_.nodes[static_cast<std::size_t>(product)].inputs[1] = constant;
  }

  bool behind_attention(const std::string& x) {
    const Node* attention = fused_producer(x);
    if (attention == nullptr || attention->op != "FusedAttention" || !attention->has_input(2)) return false;
    // A channel of V that several heads share becomes several channels behind attention.
    if (attention->find_attribute<std::int64_t>("kv_num_heads") != nullptr) return false;
    const Node* projection = fused_producer(model_.fused.value(attention->inputs[2]).name);
    if (projection == nullptr || projection->op != "FusedMatMul" || projection->has_input(3) ||
        projection->attribute_or("activation", std::string("none")) != "none" ||
        !fused_uses_.single_use(projection->outputs[0]))
      return false;
    const Uses uses(graph_);
    const auto products = readers_of(x, uses);
    const int value = node_index(graph_, projection->name);
    if (!products || value < 0) return false;
    const WeightPlace place = weights_of(graph_, uses, node(value));
    const BiasPlace bias = bias_of(graph_, uses, value);
    if (place.constant == no_value || (projection->has_input(2) && bias.node < 0)) return false;
    const auto s = factors(x, *products, uses);
    if (!s) return false;
    const std::vector<float> shrink = inverse(*s);
    scale_weights(*products, *s);
    replace_weights(value, place, scaled(graph_.value(place.constant).constant, place.output_axis, shrink));
    if (bias.node >= 0) scale_vector(bias.node, bias.input, shrink);
    return true;
  }

  bool behind_layer_norm(const std::string& x) {
    const Uses uses(graph_);
    const auto products = readers_of(x, uses);
    if (!products) return false;
    ValueId result = graph_.find(x);
    std::vector<int> through = *products;  // what has to read the smoothed value
    // Taking tokens out keeps the channels.
    for (int producer = uses.producer(result); producer >= 0 && takes_tokens(node(producer));
         producer = uses.producer(result)) {
      if (uses.is_output(result) || uses.consumers(result).size() != through.size()) return false;
      through = {producer};
      result = node(producer).inputs[0];
    }
    const int norm = uses.producer(result);
    if (norm < 0 || !is_layer_norm(node(norm))) return false;
    const auto s = factors(x, *products, uses);
    if (!s || graph_.value(node(norm).inputs[1]).constant.shape().elements() != static_cast<std::int64_t>(s->size()))
      return false;
    scale_weights(*products, *s);
    const bool alone = !uses.is_output(result) && uses.consumers(result).size() == through.size();
    // Inserting a node moves what comes behind it, so the readers change first.
    const ValueId smoothed =
        alone ? result
              : graph_.add_value(graph_.value(result).name + "_smoothed", DataType::f32, graph_.value(result).shape);
    for (const int reader : through) graph_.nodes[static_cast<std::size_t>(reader)].inputs[0] = smoothed;
    if (!alone) {
      Node second = node(norm);
      second.name = graph_.value(smoothed).name;
      second.outputs = {smoothed};
      graph_.nodes.insert(graph_.nodes.begin() + norm + 1, std::move(second));
    }
    const int target = alone ? norm : norm + 1;
    const std::vector<float> shrink = inverse(*s);
    scale_vector(target, 1, shrink);
    if (node(target).has_input(2)) scale_vector(target, 2, shrink);
    return true;
  }

  bool takes_tokens(const Node& node) const {
    return node.op == "Gather" && node.attribute_or<std::int64_t>("axis", 0) == 1;
  }

  bool is_layer_norm(const Node& node) const {
    const auto constant = [&](std::size_t i) { return graph_.value(node.inputs[i]).is_constant(); };
    return node.op == "LayerNormalization" && node.outputs.size() == 1 && constant(1) &&
           (!node.has_input(2) || constant(2));
  }

  void scale_vector(int index, std::size_t input, const std::vector<float>& factors) {
    const ValueId old = node(index).inputs[input];
    const int axis = static_cast<int>(graph_.value(old).constant.shape().rank()) - 1;
    const ValueId replacement =
        graph_.add_constant(graph_.value(old).name + "_smoothed", scaled(graph_.value(old).constant, axis, factors));
    graph_.nodes[static_cast<std::size_t>(index)].inputs[input] = replacement;
  }

  const Node* fused_producer(const std::string& value) const {
    const int producer = fused_uses_.producer(model_.fused.find(value));
    return producer < 0 ? nullptr : &model_.fused.nodes[static_cast<std::size_t>(producer)];
  }

  Graph& graph_;
  const QuantizableModel& model_;
  const RangeObserver& statistics_;
  double alpha_;
  Uses fused_uses_;
  std::vector<std::string> smoothed_;
};

/// LayerNormalization in its parts becomes one node, where the file's operator set has that.
void spell_out_layer_norms(QuantizableModel& model) {
  constexpr std::int64_t first_opset = 17;
  if (model.standard.opset < first_opset) return;
  const std::array<Pass, 1> fusion{{{"layer_norm", &passes::fuse_layer_norm}}};
  run_passes(model.standard, fusion, nullptr);
}

}  // namespace

int smooth(QuantizableModel& model, const RangeObserver& statistics, double alpha) {
  spell_out_layer_norms(model);
  const int count = Smoother(model, statistics, alpha).run();
  if (count > 0) {
    Graph standard = std::move(model.standard);
    standard.remove_unused();
    model = find_layers(std::move(standard));
  }
  return count;
}

}  // namespace tessera
