#include "models/weight_source.hpp"

#include <algorithm>

namespace tessera {

Tensor SeededWeights::tensor(const std::string& name, const Shape& shape, const Initial& initial) {
  const RandomStream random(seed_, name);
  if (initial.on_demand) return normal_weights(shape, random, initial.deviation);
  Tensor result = normal_tensor(shape, random, initial.deviation, initial.mean);
  if (initial.first_row_zero)
    std::ranges::fill(result.mutable_as<float>().first(static_cast<std::size_t>(shape.back())), 0.0F);
  return result;
}

}  // namespace tessera
