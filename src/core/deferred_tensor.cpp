#include "core/deferred_tensor.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

namespace tessera {

struct Tensor::Deferred {
  std::shared_ptr<const ElementSource> source;
  std::mutex mutex;
  AlignedBuffer buffer;
  std::atomic<const std::byte*> kept = nullptr;  ///< null until somebody has asked for elements that stay
};

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

/// What Tensor shows nobody else.
struct DeferredTensor {
  static Tensor make(DataType type, const Shape& shape, std::shared_ptr<const ElementSource> source) {
    Tensor tensor;
    tensor.type_ = type;
    tensor.shape_ = shape;
    tensor.deferred_ = std::make_shared<Tensor::Deferred>();
    tensor.deferred_->source = std::move(source);
    return tensor;
  }

  /// The elements where they are; none where they must be read.
  static BorrowedElements in_memory(const Tensor& tensor) {
    if (tensor.deferred_ == nullptr) return {tensor.owner_, tensor.data_};
    const std::shared_ptr<const ElementSource> source = tensor.deferred_->source;
    if (const std::byte* lying = source->in_place())
      return {std::shared_ptr<const void>(lying, [source](const void*) { source->release(); }), lying};
    return {tensor.deferred_, tensor.deferred_->kept};
  }

  /// Null where the elements are in memory.
  static std::shared_ptr<const ElementSource> source_of(const Tensor& tensor) noexcept {
    return tensor.deferred_ == nullptr ? nullptr : tensor.deferred_->source;
  }

  static const void* identity_of(const Tensor& tensor) noexcept {
    return tensor.deferred_ == nullptr ? static_cast<const void*>(tensor.data_) : tensor.deferred_.get();
  }
};

Tensor deferred_tensor(DataType type, const Shape& shape, std::shared_ptr<const ElementSource> source) {
  return DeferredTensor::make(type, shape, std::move(source));
}

BorrowedElements borrow(const Tensor& tensor) {
  BorrowedElements elements = DeferredTensor::in_memory(tensor);
  const auto source = DeferredTensor::source_of(tensor);
  if (elements.data != nullptr || source == nullptr) return elements;
  const auto buffer = std::make_shared<AlignedBuffer>(tensor.bytes());
  source->read(buffer->data());
  return {buffer, buffer->data()};
}

BorrowedElements borrow(const Tensor& tensor, AlignedBuffer& scratch) {
  BorrowedElements elements = DeferredTensor::in_memory(tensor);
  const auto source = DeferredTensor::source_of(tensor);
  if (elements.data != nullptr || source == nullptr) return elements;
  // Nor much larger than it takes: what is borrowed gets smaller from weight to weight.
  if (scratch.size() < tensor.bytes() || scratch.size() / 2 > tensor.bytes()) {
    scratch = {};
    scratch = AlignedBuffer(tensor.bytes());
  }
  source->read(scratch.data());
  return {source, scratch.data()};
}

std::shared_ptr<const ElementSource> parts_of(const Tensor& tensor) noexcept {
  auto source = DeferredTensor::source_of(tensor);
  return source != nullptr && source->has_parts() ? source : nullptr;
}

const void* identity_of(const Tensor& tensor) noexcept {
  return DeferredTensor::identity_of(tensor);
}

}  // namespace tessera
