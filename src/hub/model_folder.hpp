// A model folder as Hugging Face lays it out (config.json, model.safetensors) to a graph.
#pragma once

#include <string>

#include "graph/graph.hpp"

namespace tessera {

/// The network that config.json describes (a ResNet without one is known by its tensors) with the weights beside it,
/// which stay in their files until somebody wants them. A folder without safetensors may hold a model.onnx instead.
/// Error{invalid} naming the architecture, tensor or file that is not known or missing, and what to do.
Graph read_model_folder(const std::string& folder);

}  // namespace tessera
