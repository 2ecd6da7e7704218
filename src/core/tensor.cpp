#include "core/tensor.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "core/error.hpp"

namespace tessera {

struct Tensor::Deferred {
  std::shared_ptr<const ElementSource> source;
  std::mutex mutex;
  AlignedBuffer buffer;
  std::atomic<const std::byte*> kept = nullptr;  ///< null until somebody has asked for elements that stay
};

Tensor::Tensor(DataType type, const Shape& shape) : type_(type), shape_(shape) {
  auto buffer = std::make_shared<AlignedBuffer>(bytes());
  data_ = buffer->data();
  owner_ = std::move(buffer);
}

Tensor::Tensor(DataType type, const Shape& shape, std::shared_ptr<const void> owner, const std::byte* data)
    : type_(type), shape_(shape), owner_(std::move(owner)), data_(data) {}

Tensor::Tensor(DataType type, const Shape& shape, std::shared_ptr<const ElementSource> source)
    : type_(type), shape_(shape), deferred_(std::make_shared<Deferred>()) {
  deferred_->source = std::move(source);
}

const std::byte* Tensor::kept_elements() const {
  if (const std::byte* kept = deferred_->kept) return kept;
  const std::lock_guard lock(deferred_->mutex);
  if (const std::byte* kept = deferred_->kept) return kept;
  const std::byte* lying = deferred_->source->in_place();
  if (lying == nullptr || reinterpret_cast<std::uintptr_t>(lying) % size_of(type_) != 0) {
    deferred_->buffer = AlignedBuffer(bytes());
    deferred_->source->read(deferred_->buffer.data());
    deferred_->source->release();
    lying = deferred_->buffer.data();
  }
  deferred_->kept = lying;
  return lying;
}

BorrowedElements Tensor::borrow() const {
  if (deferred_ == nullptr) return {owner_, data_};
  const std::shared_ptr<const ElementSource> source = deferred_->source;
  if (const std::byte* lying = source->in_place())
    return {std::shared_ptr<const void>(lying, [source](const void*) { source->release(); }), lying};
  if (const std::byte* kept = deferred_->kept) return {deferred_, kept};
  const auto buffer = std::make_shared<AlignedBuffer>(bytes());
  source->read(buffer->data());
  return {buffer, buffer->data()};
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != shape_.elements())
    reject("reshape", to_string(shape_) + " and " + to_string(shape) + " differ in element count");
  Tensor other = *this;
  other.shape_ = shape;
  return other;
}

}  // namespace tessera
