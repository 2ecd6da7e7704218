// The layers that encoders consist of, written into a graph as PyTorch exports them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "models/weight_source.hpp"

namespace tessera {

enum class Activation : std::uint8_t { gelu, gelu_tanh, relu, tanh, silu };

/// A linear layer: the name of its weights, the scope of its nodes, its size, and how much larger its output is than
/// its input while weights are synthetic.
struct Linear {
  std::string name, scope;
  std::int64_t inputs, outputs;
  float gain = 1.0F;
};

class LayerWriter {
 public:
  LayerWriter(Graph& graph, WeightSource& source) : graph_(graph), source_(source) {}

  [[nodiscard]] Graph& graph() noexcept { return graph_; }

  ValueId append(const char* op, const std::string& name, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph_.append(op, name, std::move(inputs), std::move(attributes));
  }
  ValueId scalar(const char* name, float value) { return shared(name, Tensor::scalar(value)); }
  ValueId integers(const char* name, const std::vector<std::int64_t>& values);
  ValueId integer(const char* name, std::int64_t value) { return shared(name, Tensor::scalar(value)); }

  ValueId weight(const std::string& name, const Shape& shape, const Initial& initial);
  ValueId vector(const std::string& name, std::int64_t size, float mean, float deviation);
  /// Rows of a table, at indices.
  ValueId embedding(const std::string& name, const Shape& shape, const Initial& initial, ValueId indices,
                    const std::string& node_name);
  ValueId gather(ValueId data, ValueId indices, const std::string& name, std::int64_t axis = 0);

  /// x [..., inputs] -> [..., outputs], as MatMul and Add.
  ValueId linear(ValueId x, const Linear& layer);
  /// The same for x [rows, inputs], as Gemm.
  ValueId linear_of_rows(ValueId x, const Linear& layer);
  ValueId layer_norm(ValueId x, const std::string& name, const std::string& scope, std::int64_t size, float epsilon);
  ValueId activation(ValueId x, Activation kind, const std::string& scope);

 private:
  /// One constant of that name for all who ask for it.
  ValueId shared(const char* name, const Tensor& value);
  ValueId gelu(ValueId x, const std::string& scope);
  ValueId gelu_tanh(ValueId x, const std::string& scope);

  Graph& graph_;
  WeightSource& source_;
};

}  // namespace tessera
