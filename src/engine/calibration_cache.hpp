// The INT8 graphs that sessions have asked a float model for: calibrated once for all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

class CalibrationCache {
 public:
  /// The fused graph of `model` in INT8 as the options say, on their calibration data (none: seeded random inputs of
  /// their extents). Made by the first session that asks; `preparation` is told what it took. The model is not
  /// quantized yet. Error{invalid} where there are no data and none may be made up.
  std::shared_ptr<const Graph> int8_graph(const Model::Impl& model, const SessionOptions& options,
                                          PreparationInfo& preparation);

 private:
  /// What an INT8 graph follows from.
  struct Key {
    using Options = std::tuple<CalibrationMethod, std::optional<CalibrationMethod>, double, std::optional<double>, bool,
                               AttentionProducts, bool, bool, bool>;
    Options options;
    std::vector<std::pair<std::string, const std::byte*>> tensors;  ///< of the data: names and addresses
    std::vector<std::pair<std::string, std::int64_t>> extents;      ///< of made-up inputs, where there are no data
    bool operator==(const Key&) const = default;
  };
  static Key key_of(const Graph& graph, const SessionOptions& options);

  struct Entry {
    Key key;
    std::vector<TensorMap> data;  ///< kept as long as its addresses are a key
    std::shared_ptr<const Graph> graph;
    double seconds = 0;  ///< that calibration took
  };
  std::mutex mutex_;  ///< held while a graph is made: others that want the same wait for it
  std::vector<Entry> entries_;
};

}  // namespace tessera
