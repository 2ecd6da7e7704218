#include "models/random.hpp"

#include <memory>

#include "core/deferred_tensor.hpp"

namespace tessera {
namespace {

class NormalElements final : public ElementSource {
 public:
  NormalElements(std::int64_t count, const RandomStream& random, float deviation)
      : count_(static_cast<std::uint64_t>(count)), random_(random), deviation_(deviation) {}

  void read(std::byte* target) const override {
    auto* const elements = reinterpret_cast<float*>(target);
    // 0 + makes 0 of -0, as normal_tensor does.
    for (std::uint64_t i = 0; i < count_; ++i) elements[i] = 0.0F + deviation_ * random_.normal(i);
  }

 private:
  std::uint64_t count_;
  RandomStream random_;
  float deviation_;
};

}  // namespace

Tensor normal_tensor(const Shape& shape, const RandomStream& random, float deviation, float mean) {
  Tensor tensor(DataType::f32, shape);
  std::uint64_t index = 0;
  for (float& element : tensor.mutable_as<float>()) element = mean + deviation * random.normal(index++);
  return tensor;
}

Tensor normal_weights(const Shape& shape, const RandomStream& random, float deviation) {
  return deferred_tensor(DataType::f32, shape, std::make_shared<NormalElements>(shape.elements(), random, deviation));
}

}  // namespace tessera
