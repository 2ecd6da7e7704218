#include "data/batches.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "data/model_inputs.hpp"

namespace tessera {

std::vector<TensorMap> read_batches(const Dataset& dataset, const std::vector<TensorInfo>& inputs, std::int64_t batch,
                                    std::int64_t most) {
  const std::optional<std::int64_t> fixed = fixed_batch(inputs);
  const std::int64_t size = std::max<std::int64_t>(fixed.value_or(batch), 1);
  if (fixed && dataset.size() < size)
    reject(dataset.describe(0),
           "the data hold " + std::to_string(dataset.size()) + " items, less than the model's batch of " +
               std::to_string(size),
           "give more data");
  const std::int64_t items = std::min(dataset.size(), std::max(most, size));
  std::vector<TensorMap> batches;
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < items; ++i) {
    indices.push_back(i * dataset.size() / items);
    const bool full = static_cast<std::int64_t>(indices.size()) == size;
    if (!full && (fixed || i + 1 < items)) continue;
    batches.push_back(dataset.batch(indices));
    indices.clear();
  }
  return batches;
}

}  // namespace tessera
