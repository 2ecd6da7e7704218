// The classes that a model thinks most of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

struct ClassProbability {
  std::int64_t index = 0;
  double probability = 0;
};

/// The `most` likeliest, best first; of equals the first. `scores` are logits, which softmax makes probabilities,
/// unless they are probabilities already: from 0 to 1, and 1 in total to 1e-3.
std::vector<ClassProbability> top_classes(std::span<const float> scores, std::size_t most);

}  // namespace tessera
