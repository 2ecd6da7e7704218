// Rows of A widened into scratch, where the kernel has no instruction for their type: side by side, so that what is
// widened once serves every panel, and the segments of a row (the seven of a first 7x7 layer) become one.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {

class WidenedRows {
 public:
  /// `segments` of rows of type `from`, for `kernel`.
  WidenedRows(const VectorKernels& vector, const BrgemmKernel& kernel, DataType from, std::vector<KSegment> segments);

  /// Whether the kernel multiplies another type: else rows are read in place.
  [[nodiscard]] bool needed() const noexcept { return from_ != kernel_.a; }

  /// Bytes from one widened row to the next.
  [[nodiscard]] std::int64_t stride() const noexcept { return stride_; }

  /// Elements of a segment in B and in a widened row: whole groups of the kernel.
  [[nodiscard]] std::int64_t padded(std::int64_t k) const noexcept;

  /// Widens `count` rows into `target` (count * stride() bytes) and lets the pointers show there.
  void widen(const std::byte** rows, int count, std::byte* target) const noexcept;

 private:
  void widen_bytes(const std::byte* from, std::byte* to) const noexcept;
  void convert(const std::byte* from, std::byte* to) const noexcept;

  const VectorKernels& vector_;
  const BrgemmKernel& kernel_;
  DataType from_;
  std::vector<KSegment> segments_;
  std::int64_t stride_ = 0;
  /// Bytes between the segments if they are alike and evenly spaced, as the rows of a window are: then one call widens
  /// all of them. 0: they are not.
  std::int64_t step_ = 0;
};

}  // namespace tessera
