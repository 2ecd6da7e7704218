#include "models/random.hpp"

namespace tessera {

Tensor normal_tensor(const Shape& shape, const RandomStream& random, float deviation, float mean) {
  Tensor tensor(DataType::f32, shape);
  std::uint64_t index = 0;
  for (float& element : tensor.mutable_as<float>()) element = mean + deviation * random.normal(index++);
  return tensor;
}

}  // namespace tessera
