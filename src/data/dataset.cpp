#include "data/dataset.hpp"

#include <algorithm>

#include "core/error.hpp"

namespace tessera {

TensorMap Dataset::batch(std::span<const std::int64_t> indices) const {
  TensorMap joined;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    for (const auto& [name, tensor] : item(indices[i])) {
      Shape shape = tensor.shape();
      shape[0] = static_cast<std::int64_t>(indices.size());
      Tensor& target = joined.try_emplace(name, tensor.type(), shape).first->second;
      if (!(target.shape() == shape) || target.type() != tensor.type())
        reject(describe(indices[i]),
               "'" + name + "' has shape " + to_string(tensor.shape()) + ", the items before it in the batch " +
                   to_string(target.shape()),
               "bring all items to one shape or use batches of one");
      std::copy_n(tensor.data(), tensor.bytes(), target.mutable_data() + i * tensor.bytes());
    }
  }
  return joined;
}

}  // namespace tessera
