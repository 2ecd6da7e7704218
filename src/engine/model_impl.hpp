// What a Model holds: the graph as read, its rewritten forms, and the weights packed from them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compile/layout/weight_store.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

struct Model::Impl {
  std::string name;
  bool synthetic = false;          ///< weights were made up, not trained
  Graph source;                    ///< as read, shapes symbolic
  bool quantized_by_file = false;  ///< it holds integers already
  Graph fused;                     ///< after all passes, shapes symbolic

  mutable WeightStore weights;
  mutable std::mutex quantized_mutex;
  /// Quantized graphs by calibration data: sessions of different tiers share one. The data is named by the addresses of
  /// its tensors, so it is kept as long as the name is.
  struct Quantized {
    std::shared_ptr<const Graph> graph;
    std::vector<TensorMap> calibration;
  };
  mutable std::map<std::string, Quantized> quantized;
};

/// The source after standard_passes(): still ONNX ops only. Made when wanted, which is seldom: kept, it would be
/// another graph in memory for as long as the model lives.
Graph standard_graph(const Model::Impl& model);

/// The extents of every symbol in the graph inputs: given by name, or generically as "batch" (first axis) and "seq"
/// (second axis of a matrix), or the defaults batch 1, sequence 128, image side 224.
std::vector<Binding> bindings_for(const Graph& graph, const std::map<std::string, std::int64_t>& extents);

/// models/inputs.hpp for a graph whose shapes are still symbolic.
TensorMap make_random_inputs(const Graph& graph, std::span<const Binding> bindings, std::uint64_t seed);

/// The graph quantized as the options say, on their calibration data (none: seeded random inputs of their extents),
/// cached in the model. The model's own graph when that is quantized already.
std::shared_ptr<const Graph> quantized_graph(const Model::Impl& model, const SessionOptions& options);

}  // namespace tessera
