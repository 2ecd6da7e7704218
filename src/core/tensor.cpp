#include "tessera/tensor.hpp"

#include <utility>

#include "core/error.hpp"
#include "core/memory.hpp"

namespace tessera {

Tensor::Tensor(DataType type, const Shape& shape) : type_(type), shape_(shape) {
  auto buffer = std::make_shared<AlignedBuffer>(bytes());
  data_ = buffer->data();
  owner_ = std::move(buffer);
}

Tensor::Tensor(DataType type, const Shape& shape, std::shared_ptr<const void> owner, const std::byte* data)
    : type_(type), shape_(shape), owner_(std::move(owner)), data_(data) {}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != shape_.elements())
    reject("reshape", to_string(shape_) + " and " + to_string(shape) + " differ in element count");
  Tensor other = *this;
  other.shape_ = shape;
  return other;
}

}  // namespace tessera
