// Which parts of a model can become int8. The answer is read off the fused graph, since that is what kernels run, and
// given in names of nodes and values of the standard graph, since that is where QuantizeLinear and DequantizeLinear go.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/quantization.hpp"

namespace tessera {

struct QuantizableLayer {
  std::string name;                   ///< as a plan names its step
  std::vector<std::string> products;  ///< nodes of the standard graph: one, or the projections of Q, K and V
  std::string x;                      ///< the activation they all read
  std::string residual;               ///< what the product adds, if it may be u8; else empty
  std::string sum;                    ///< what a convolution adds it to: a value of the standard graph; else empty
  bool linear = false;                ///< channels of x are its last axis; else its axis 1
  /// A pooling, or the product of an image and a gate: it has no weights and is quantized when the layer of this name
  /// is, which computes its x.
  std::string follows;
  /// The attention behind projections of Q, K and V, by the names of its Softmax and of what its products read.
  struct Attention {
    std::string softmax, q, k, v;
  };
  Attention attention = {};
};

/// A graph in standard ONNX ops and what the passes make of it. Names are the same in both.
struct QuantizableModel {
  Graph standard;
  Graph fused;  ///< everything fused, but projections of Q, K and V apart
  std::vector<QuantizableLayer> layers;
};

/// Whether the graph holds QuantizeLinear or DequantizeLinear nodes, or values cast to bf16: it says itself what is
/// computed how, so calibration leaves it alone.
bool is_quantized(const Graph& graph);

/// Finds the layers of a graph that has been through standard_passes().
QuantizableModel find_layers(Graph standard);

/// The activations that these layers read, each once, with the axis of its channels (-1: the last): what calibration
/// observes. With what the products inside attention read, what linear layers add, and sums, if asked for.
std::map<std::string, int> activations_of(const std::vector<QuantizableLayer>& layers, const CalibrationOptions& how);

/// Takes sums of a fused graph out of their convolutions, which then leave the addition and the activation to nodes of
/// their own: nothing else could observe them.
void take_sums_apart(Graph& fused, const std::vector<QuantizableLayer>& layers);

/// Where a Conv, MatMul or Gemm of the standard graph has its weights.
struct WeightPlace {
  ValueId constant = no_value;  ///< f32; no_value when the weights are no such constant
  int input_axis = 1, output_axis = 0;
  int transpose = -1;  ///< index of the Transpose between the constant and the MatMul
};
WeightPlace weights_of(const Graph& graph, const Uses& uses, const Node& product);

/// Where it has its bias: an input of the node itself, or of the Add that alone reads its result.
struct BiasPlace {
  int node = -1;  ///< -1: none that is constant
  std::size_t input = 0;
};
BiasPlace bias_of(const Graph& graph, const Uses& uses, int product);

/// Where the result of a product, with its bias, is added to the value of that name; node -1: nowhere.
struct ResidualPlace {
  int node = -1;
  std::size_t input = 0;
};
ResidualPlace residual_of(const Graph& graph, const Uses& uses, int product, const std::string& residual);

/// Index of the node of that name; -1: none.
int node_index(const Graph& graph, const std::string& name);

}  // namespace tessera
