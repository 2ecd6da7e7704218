// Layers in bf16 as a rewrite of the standard graph: what a file can say that has no word for it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "quantize/layers.hpp"

namespace tessera {

/// Weights rounded to bf16, made once however many graphs are made from them.
class Bf16WeightStore {
 public:
  /// The same numbers as f32, each to the nearest bf16.
  const Tensor& get(const Tensor& weights);

 private:
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    Tensor rounded;
  };
  std::map<const std::byte*, Entry> entries_;
};

/// For the layers of these names: rounds their weights, and puts in front of their input a Cast to bfloat16 and a Cast
/// back, one pair per activation. Any runtime then computes with the operands that a bf16 kernel has.
void insert_bf16(Graph& graph, const std::vector<QuantizableLayer>& layers, const std::set<std::string>& names,
                 Bf16WeightStore& weights);

}  // namespace tessera
