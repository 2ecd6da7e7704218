#include "models/layer_writer.hpp"

#include <cmath>
#include <numbers>

namespace tessera {
namespace {

constexpr float bias_deviation = 0.02F;

Initial linear_initial(const Linear& layer) {
  return {.deviation = layer.gain / std::sqrt(static_cast<float>(layer.inputs)), .on_demand = true};
}

}  // namespace

ValueId LayerWriter::shared(const char* name, const Tensor& value) {
  const ValueId found = graph_.find(name);
  return found != no_value ? found : graph_.add_constant(name, value);
}

ValueId LayerWriter::integers(const char* name, const std::vector<std::int64_t>& values) {
  return shared(name, Tensor::from<std::int64_t>(Shape{static_cast<std::int64_t>(values.size())}, values));
}

ValueId LayerWriter::weight(const std::string& name, const Shape& shape, const Initial& initial) {
  return graph_.add_constant(name, source_.tensor(name, shape, initial));
}

ValueId LayerWriter::vector(const std::string& name, std::int64_t size, float mean, float deviation) {
  return weight(name, Shape{size}, {.deviation = deviation, .mean = mean});
}

ValueId LayerWriter::embedding(const std::string& name, const Shape& shape, const Initial& initial, ValueId indices,
                               const std::string& node_name) {
  return gather(weight(name, shape, initial), indices, node_name);
}

ValueId LayerWriter::gather(ValueId data, ValueId indices, const std::string& name, std::int64_t axis) {
  return graph_.append("Gather", name, {data, indices}, {{"axis", axis}});
}

ValueId LayerWriter::linear(ValueId x, const Linear& layer) {
  ValueId kernel = no_value;
  if (source_.trained()) {
    kernel = weight(layer.name + ".weight", Shape{layer.outputs, layer.inputs}, linear_initial(layer));
    kernel =
        graph_.append("Transpose", layer.scope + "/Transpose", {kernel}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  } else {
    kernel = weight(layer.name + ".kernel", Shape{layer.inputs, layer.outputs}, linear_initial(layer));
  }
  const ValueId product = graph_.append("MatMul", layer.scope + "/MatMul", {x, kernel});
  return graph_.append("Add", layer.scope + "/Add",
                       {vector(layer.name + ".bias", layer.outputs, 0.0F, bias_deviation), product});
}

ValueId LayerWriter::linear_of_rows(ValueId x, const Linear& layer) {
  const ValueId kernel = weight(layer.name + ".weight", Shape{layer.outputs, layer.inputs}, linear_initial(layer));
  return graph_.append("Gemm", layer.scope + "/Gemm",
                       {x, kernel, vector(layer.name + ".bias", layer.outputs, 0.0F, bias_deviation)},
                       {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
}

ValueId LayerWriter::layer_norm(ValueId x, const std::string& name, const std::string& scope, std::int64_t size,
                                float epsilon) {
  return graph_.append(
      "LayerNormalization", scope + "/LayerNormalization",
      {x, vector(name + ".weight", size, 1.0F, 0.1F), vector(name + ".bias", size, 0.0F, bias_deviation)},
      {{"axis", std::int64_t{-1}}, {"epsilon", epsilon}});
}

ValueId LayerWriter::activation(ValueId x, Activation kind, const std::string& scope) {
  switch (kind) {
    case Activation::gelu: return gelu(x, scope);
    case Activation::gelu_tanh: return gelu_tanh(x, scope);
    case Activation::relu: return graph_.append("Relu", scope + "/Relu", {x});
    case Activation::tanh: return graph_.append("Tanh", scope + "/Tanh", {x});
    case Activation::silu:
      return graph_.append("Mul", scope + "/Mul", {x, graph_.append("Sigmoid", scope + "/Sigmoid", {x})});
  }
  return x;
}

/// x * (1 + erf(x / sqrt 2)) / 2
ValueId LayerWriter::gelu(ValueId x, const std::string& scope) {
  ValueId y = graph_.append("Div", scope + "/Div", {x, scalar("sqrt_two", std::numbers::sqrt2_v<float>)});
  y = graph_.append("Erf", scope + "/Erf", {y});
  y = graph_.append("Add", scope + "/Add", {y, scalar("one", 1.0F)});
  y = graph_.append("Mul", scope + "/Mul", {x, y});
  return graph_.append("Mul", scope + "/Mul_1", {y, scalar("half", 0.5F)});
}

/// x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2
ValueId LayerWriter::gelu_tanh(ValueId x, const std::string& scope) {
  ValueId y = graph_.append("Pow", scope + "/Pow", {x, scalar("three", 3.0F)});
  y = graph_.append("Mul", scope + "/Mul", {y, scalar("gelu_cubic", 0.044715F)});
  y = graph_.append("Add", scope + "/Add", {x, y});
  y = graph_.append("Mul", scope + "/Mul_1", {y, scalar("gelu_slope", std::sqrt(2 * std::numbers::inv_pi_v<float>))});
  y = graph_.append("Tanh", scope + "/Tanh", {y});
  y = graph_.append("Add", scope + "/Add_1", {y, scalar("one", 1.0F)});
  const ValueId half = graph_.append("Mul", scope + "/Mul_2", {x, scalar("half", 0.5F)});
  return graph_.append("Mul", scope + "/Mul_3", {half, y});
}

}  // namespace tessera
