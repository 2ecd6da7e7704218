// ProductStep: the matrix products of a batch whose operands are both computed. Members share (item, block of rows);
// each packs the B of an item into its scratch when it comes to it.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

/// C[i] = A[i] * B[i], dense and row-major, of f32.
struct ProductSpec {
  BufferId a = no_buffer, b = no_buffer, c = no_buffer;
  std::vector<std::int64_t> a_items, b_items;  ///< bytes to the matrices of each item, which may be those of another
  std::int64_t rows = 0, columns = 0, depth = 0;
};

class ProductStep final : public Step {
 public:
  ProductStep(const BrgemmKernel& kernel, const VectorKernels& vector, ProductSpec spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override { return scratch_bytes_; }

 private:
  void pack(const RunContext& context, std::int64_t item) const noexcept;
  void multiply(const RunContext& context, std::int64_t item, std::int64_t first, int rows) const noexcept;

  const BrgemmKernel& kernel_;
  const VectorKernels& vector_;
  ProductSpec spec_;
  std::int64_t panels_ = 0, panel_bytes_ = 0;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace tessera
