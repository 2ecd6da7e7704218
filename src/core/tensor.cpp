#include "core/tensor.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "core/checked_size.hpp"
#include "core/error.hpp"

namespace tessera {

struct Tensor::Deferred {
  std::shared_ptr<const ElementSource> source;
  std::mutex mutex;
  AlignedBuffer buffer;
  std::atomic<const std::byte*> kept = nullptr;  ///< null until somebody has asked for elements that stay
};

Tensor::Tensor(DataType type, const Shape& shape) : type_(type), shape_(shape) {
  auto buffer = std::make_shared<AlignedBuffer>(checked_bytes(shape, type, "tensor"));
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

/// The elements where they are; none where they must be read.
BorrowedElements Tensor::elements_in_memory() const {
  if (deferred_ == nullptr) return {owner_, data_};
  const std::shared_ptr<const ElementSource> source = deferred_->source;
  if (const std::byte* lying = source->in_place())
    return {std::shared_ptr<const void>(lying, [source](const void*) { source->release(); }), lying};
  return {deferred_, deferred_->kept};
}

BorrowedElements Tensor::borrow() const {
  BorrowedElements elements = elements_in_memory();
  if (elements.data != nullptr || deferred_ == nullptr) return elements;
  const auto buffer = std::make_shared<AlignedBuffer>(bytes());
  deferred_->source->read(buffer->data());
  return {buffer, buffer->data()};
}

BorrowedElements Tensor::borrow(AlignedBuffer& scratch) const {
  BorrowedElements elements = elements_in_memory();
  if (elements.data != nullptr || deferred_ == nullptr) return elements;
  // Nor much larger than it takes: what is borrowed gets smaller from weight to weight.
  if (scratch.size() < bytes() || scratch.size() / 2 > bytes()) {
    scratch = {};
    scratch = AlignedBuffer(bytes());
  }
  deferred_->source->read(scratch.data());
  return {deferred_, scratch.data()};
}

std::shared_ptr<const ElementSource> Tensor::parts() const noexcept {
  return deferred_ != nullptr && deferred_->source->has_parts() ? deferred_->source : nullptr;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != shape_.elements())
    reject("reshape", to_string(shape_) + " and " + to_string(shape) + " differ in element count");
  Tensor other = *this;
  other.shape_ = shape;
  return other;
}

}  // namespace tessera
