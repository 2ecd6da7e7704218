// Steps of activations, sums, differences, products and quotients by element: of dense rows and of images.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

/// One operand of a dense step: rows of n elements, the same `period` of them again and again.
struct ElementwiseOperand {
  BufferId buffer = no_buffer;  ///< no_buffer: there is no such operand
  DataType type = DataType::f32;
  Dequantize quantization;
  std::int64_t period = 1;
};

class ElementwiseStep final : public Step {
 public:
  /// `call` without data; its rows are those of y.
  ElementwiseStep(const VectorKernels& kernels, const ElementwiseCall& call, const ElementwiseOperand& a,
                  const ElementwiseOperand& b, BufferId y)
      : kernel_(kernels.elementwise), call_(call), a_(a), b_(b), y_(y) {}

  void run(const RunContext& context) const noexcept override;

 private:
  [[nodiscard]] std::int64_t rows_at_once(const ElementwiseOperand& operand, std::int64_t row) const noexcept;
  [[nodiscard]] RowsIn rows_of(const RunContext& context, const ElementwiseOperand& operand,
                               std::int64_t row) const noexcept;

  void (*kernel_)(const ElementwiseCall&);
  ElementwiseCall call_;
  ElementwiseOperand a_, b_;
  BufferId y_;
};

/// The same of images. b has one pixel, for all or for its image, where it is of another size than y.
class ElementwiseImageStep final : public Step {
 public:
  /// `images`: a, b (buffer == no_buffer: none), y.
  ElementwiseImageStep(const VectorKernels& kernels, const ElementwiseCall& call, const std::array<Image, 3>& images,
                       std::uint8_t fill)
      : kernel_(kernels.elementwise), call_(call), a_(images[0]), b_(images[1]), y_(images[2]), fill_(fill) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const ElementwiseCall&);
  ElementwiseCall call_;
  Image a_, b_, y_;
  std::uint8_t fill_;
};

}  // namespace tessera
