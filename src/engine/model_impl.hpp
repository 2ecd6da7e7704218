// What a Model holds: the graph as read, its rewritten forms, and the weights packed from them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
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
  bool synthetic = false;            ///< weights were made up, not trained
  std::vector<std::string> files;    ///< it was read from
  Graph source;                      ///< as read, shapes symbolic
  bool quantized_by_file = false;    ///< it holds integers already
  Graph fused;                       ///< after all passes, shapes symbolic
  std::optional<PackedCase> packed;  ///< source and fused are the graph of this case, and `weights` holds its weights

  mutable WeightStore weights;
  mutable std::mutex quantized_mutex;
  /// Quantized graphs by calibration data: sessions of different tiers share one. The data is named by the addresses of
  /// its tensors, so it is kept as long as the name is.
  struct Quantized {
    std::shared_ptr<const Graph> graph;
    std::vector<TensorMap> calibration;
    double seconds = 0;  ///< that calibration took
  };
  mutable std::map<std::string, Quantized> quantized;
};

/// The source after standard_passes(): still ONNX ops only. Made when wanted, which is seldom: kept, it would be
/// another graph in memory for as long as the model lives.
Graph standard_graph(const Model::Impl& model);

/// The extents of every symbol in the graph inputs: given by name, or generically as "batch" (first axis) and "seq"
/// (second axis of a matrix), or the defaults batch 1, sequence 128 (or
/// the longest that the model takes), image side 224.
std::vector<Binding> bindings_for(const Graph& graph, const std::map<std::string, std::int64_t>& extents);

/// Error{invalid} naming the value (`kind` "input " or "output ") that takes more memory than there is. Shapes are
/// bound.
void require_memory_for(const Graph& graph, const std::vector<ValueId>& ids, const std::string& kind);

/// models/inputs.hpp for a graph whose shapes are still symbolic.
TensorMap make_random_inputs(const Graph& graph, std::span<const Binding> bindings, std::uint64_t seed);

/// The graph quantized as the options say, on their calibration data (none: seeded random inputs of their extents),
/// cached in the model. Not for a model that
/// is quantized already. `preparation` is told what it took.
std::shared_ptr<const Graph> quantized_graph(const Model::Impl& model, const SessionOptions& options,
                                             PreparationInfo& preparation);

}  // namespace tessera
