// What a Model holds: the graph as read, its rewritten forms, and the weights packed from them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compile/layout/weight_store.hpp"
#include "engine/calibration_cache.hpp"
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
  mutable CalibrationCache calibrated;  ///< INT8 graphs: sessions of different tiers share one
};

/// The source after standard_passes(): still ONNX ops only. Made when wanted, which is seldom: kept, it would be
/// another graph in memory for as long as the model lives.
Graph standard_graph(const Model::Impl& model);

/// The extents of every symbol in the graph inputs: given by name, or generically as "batch" (first axis) and "seq"
/// (second axis of a matrix), or the defaults batch 1, sequence 128 (or
/// the longest that the model takes), image side 224.
std::vector<Binding> bindings_for(const Graph& graph, const std::map<std::string, std::int64_t>& extents);

/// Error{invalid} where positions are counted beyond the end of their table: better before a model runs, by the name of
/// the option, than while it does. Shapes are bound.
void refuse_long_sequences(const Graph& bound);

/// The extents that a batch of inputs has, as bindings of the graph's symbols. Error{invalid} naming `subject` and the
/// input that is missing or of another type or rank.
std::vector<Binding> bindings_of(const Graph& graph, const TensorMap& inputs, const std::string& subject);

/// Error{invalid} naming the value (`kind` "input " or "output ") that takes more memory than there is. Shapes are
/// bound.
void require_memory_for(const Graph& graph, const std::vector<ValueId>& ids, const std::string& kind);

/// models/inputs.hpp for a graph whose shapes are still symbolic.
TensorMap make_random_inputs(const Graph& graph, std::span<const Binding> bindings, std::uint64_t seed);

}  // namespace tessera
