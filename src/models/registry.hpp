// The built-in models by name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "graph/graph.hpp"
#include "ops/op.hpp"

namespace tessera {

/// What a model's inputs are, and so where calibration and demonstration data for it come from.
enum class InputKind : std::uint8_t { image, tokens };

struct ModelEntry {
  std::string_view name;
  std::string_view description;
  std::int64_t parameters;  ///< trainable elements, as count_parameters() finds them
  InputKind inputs;
  std::vector<Binding> extents;  ///< default extents of the symbols in its inputs
  Graph (*build)(std::uint64_t seed);
};

/// The weights of built-in models are those of this seed unless another is asked for.
inline constexpr std::uint64_t default_seed = 1;

std::span<const ModelEntry> built_in_models();
/// The model of that name, or null.
const ModelEntry* find_model(std::string_view name);

/// The trainable elements of a graph: floating-point constants except scalars and the running statistics of
/// BatchNormalization.
std::int64_t count_parameters(const Graph& graph);

}  // namespace tessera
