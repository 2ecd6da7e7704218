// Graph -> ONNX file in standard operators, for other engines to run.
#pragma once

#include <cstddef>
#include <string>

#include "graph/graph.hpp"

namespace tessera {

/// The entry of a model's metadata that says that its weights are made up, so that nobody takes them for trained.
inline constexpr const char* weights_property = "tessera.weights";
inline constexpr const char* synthetic_weights = "synthetic";

struct OnnxWriteOptions {
  bool synthetic = false;  ///< the weights are made up, and the file says so
  /// Above this many bytes of weights they go to `<file>.data` beside the model: a protobuf message ends at 2 GiB.
  std::size_t max_inline_bytes = std::size_t{1800} << 20;
};

/// Where the weights of such a model go.
std::string external_data_path(const std::string& path);

/// Writes the graph under its own opset. The file appears complete or not at all. Error{invalid} naming the node when
/// the graph holds what no other engine knows (fused ops, folded quantization); Error{failed} when the file cannot be
/// written.
void write_onnx(const Graph& graph, const std::string& path, const OnnxWriteOptions& options = {});

}  // namespace tessera
