// WeightSource: where an architecture's weights come from. A builder names each tensor and says its shape; a source
// makes it from a seed or reads it from files.
#pragma once

#include <cstdint>
#include <string>

#include "models/random.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// How the elements of a tensor that nobody trained are distributed.
struct Initial {
  float deviation = 0.0F;
  float mean = 0.0F;
  bool on_demand = false;       ///< large weights: made each time they are read, not kept in memory
  bool first_row_zero = false;  ///< the embedding of the padding token
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// The f32 tensor of that name. Error{invalid} naming it when it is missing or has another shape.
  virtual Tensor tensor(const std::string& name, const Shape& shape, const Initial& initial) = 0;
  /// Whether weights were trained: linear layers are then stored as modules keep them, [outputs, inputs], and batch
  /// statistics are there to be read.
  [[nodiscard]] virtual bool trained() const noexcept = 0;
};

class SeededWeights final : public WeightSource {
 public:
  explicit SeededWeights(std::uint64_t seed) : seed_(seed) {}

  Tensor tensor(const std::string& name, const Shape& shape, const Initial& initial) override;
  [[nodiscard]] bool trained() const noexcept override { return false; }

 private:
  std::uint64_t seed_;
};

}  // namespace tessera
