// ONNX file -> Graph. Whatever Tessera does not support is an Error{invalid} that names the file and the node, op,
// attribute or tensor: a graph that is returned means what the file says.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.hpp"

namespace tessera {

/// Operator set versions of the standard domain that the reader accepts.
inline constexpr int min_opset = 11;
inline constexpr int max_opset = 25;

/// What a file says besides its graph.
struct OnnxFileInfo {
  std::vector<std::string> files;  ///< all that were read: the model and its external data
  bool synthetic_weights = false;  ///< written by `models export`: the weights are made up
};

/// Reads a model with its weights, inside the file or as external data in the same folder. Weights stay in the mapped
/// file until somebody wants their elements, so the file may be replaced or deleted while the graph lives, but not
/// changed in place. Shapes are not inferred yet.
Graph read_onnx(const std::string& path, OnnxFileInfo* info = nullptr);

/// The same from memory. `origin` stands for the file in messages; external data is looked for in `folder` (none where
/// empty).
Graph parse_onnx(std::span<const std::byte> bytes, const std::string& origin, const std::string& folder);

}  // namespace tessera
