// Post-training static quantization as a graph rewrite: QuantizeLinear/DequantizeLinear pairs around what becomes int8.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "quantize/layers.hpp"
#include "quantize/ranges.hpp"
#include "quantize/weights.hpp"

namespace tessera {

/// The quantized weights of a model, made once however many graphs are made from it.
class QuantizedWeightStore {
 public:
  const QuantizedWeights& get(const Tensor& weights, int axis);
  /// Their elements as a matrix the other way round.
  const Tensor& transposed(const Tensor& weights, int axis);

 private:
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    QuantizedWeights quantized;
    Tensor transposed;
  };
  Entry& entry(const Tensor& weights, int axis);

  std::map<const std::byte*, Entry> entries_;
};

struct QdqOptions {
  std::set<std::string> float_layers = {};  ///< names of layers to leave alone
  bool bias_correction = true;
  AttentionProducts attention = AttentionProducts::linears;
  bool residuals = false;  ///< of linear layers as well
  bool sums = false;       ///< what convolutions add a residual to
};
QdqOptions qdq_options(const CalibrationOptions& how, std::set<std::string> float_layers = {});

/// Writes into a standard graph, in standard ops:
///   - a pair behind every activation that a quantized layer reads, and behind what a convolution adds (a linear layer:
///     if asked for), and what it adds it to, if asked for;
///   - per-channel s8 constants behind DequantizeLinear in place of weights, s32 ones in place of the biases of Conv
///   and
///     Gemm;
///   - in front of a MaxPool, Flatten, Reshape or Concat between quantized values pairs with the same parameters, so
///     that they can work on u8.
/// Softmax, LayerNormalization and GELU stay in float.
void insert_qdq(Graph& graph, const std::vector<QuantizableLayer>& layers, const RangeObserver& ranges,
                QuantizedWeightStore& weights, const QdqOptions& options = {});

}  // namespace tessera
