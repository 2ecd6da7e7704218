// Steps that work row by row: LayerNormalization, Softmax, conversion and quantization. Rows are shared among members.
#pragma once

#include <cstdint>

#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

/// A value seen as rows x n.
struct DenseRows {
  BufferId buffer = no_buffer;
  DataType type = DataType::f32;
  std::int64_t rows = 0, n = 0;
  std::int64_t gap = 0;  ///< bytes behind each row that belong to none

  [[nodiscard]] std::int64_t stride() const noexcept { return n * static_cast<std::int64_t>(size_of(type)) + gap; }
};

class LayerNormStep final : public Step {
 public:
  /// `call` without data and rows.
  LayerNormStep(const VectorKernels& kernels, const LayerNormCall& call, const DenseRows& x, const DenseRows& y)
      : kernel_(kernels.layer_norm), call_(call), x_(x), y_(y) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const LayerNormCall&);
  LayerNormCall call_;
  DenseRows x_, y_;
};

class SoftmaxStep final : public Step {
 public:
  SoftmaxStep(const VectorKernels& kernels, const DenseRows& x, const DenseRows& y)
      : kernel_(kernels.softmax), x_(x), y_(y) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const SoftmaxCall&);
  DenseRows x_, y_;
};

class ConvertStep final : public Step {
 public:
  ConvertStep(const VectorKernels& kernels, const DenseRows& x, const Dequantize& from, const DenseRows& y,
              const Requantize& to)
      : kernel_(kernels.convert), x_(x), y_(y), from_(from), to_(to) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const ConvertCall&);
  DenseRows x_, y_;
  Dequantize from_;
  Requantize to_;
};

/// The same from one NHWC image to another, whose halo may be another.
class ConvertImageStep final : public Step {
 public:
  ConvertImageStep(const VectorKernels& kernels, const Image& x, const Dequantize& from, const Image& y,
                   const Requantize& to, std::uint8_t fill)
      : kernel_(kernels.convert), x_(x), y_(y), from_(from), to_(to), fill_(fill) {}

  void run(const RunContext& context) const noexcept override;

 private:
  void (*kernel_)(const ConvertCall&);
  Image x_, y_;
  Dequantize from_;
  Requantize to_;
  std::uint8_t fill_;
};

}  // namespace tessera
