// What one product multiplies: its operands, their geometry, and where the rows of it lie in memory.
//
// The rows of the product are output pixels. Row m reads input pixel (h * stride_h, w * stride_w) and, at each segment,
// the pixels of one kernel row below it; a linear layer is the 1x1 convolution over an image of one row.
#pragma once

#include <vector>

#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"

namespace tessera {

/// The operands and geometry of one product.
struct GemmSpec {
  Image a, c;
  Image residual;                  ///< buffer == no_buffer: none
  BufferId row_scale = no_buffer;  ///< one float for each row of the product, where rows of a have their own scales
  /// A Dequantize, where scale and zero point of a are chosen when the model runs: the constants of the epilogue are
  /// those for scale 1 and zero point 1 then, and become these. The halo of a holds the zero point.
  BufferId dequantize_a = no_buffer;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t first_tap = 0;      ///< bytes from an input pixel to the first tap of its window: minus the padding
  std::vector<KSegment> segments;  ///< offsets relative to first_tap
  std::int64_t columns = 0;        ///< output channels of one group
  std::int64_t groups = 1;
  std::uint8_t fill = 0;                    ///< halo byte of c
  Epilogue epilogue;                        ///< bias, scale, compensation: [groups][columns padded to panels]
  const std::byte* weights = nullptr;       ///< packed, group after group
  const std::uint8_t* overflows = nullptr;  ///< marks of their k_groups, for kernels that read them
  /// Integer weights with zero points: the sum of a row of a times the factor of the column is added to each sum,
  /// [groups][columns padded to panels]; null: symmetric weights.
  const std::int32_t* row_sum_factors = nullptr;
  /// Of a core. Blocks of kernels with tiles are as large as it allows.
  std::int64_t l2_bytes = 512 * 1024;
};

/// Where rows of a product lie, in arrays as long as there are rows.
struct RowPointers {
  const std::byte** a;         ///< to the first tap
  std::byte** c;               ///< to the first column of the group
  const std::byte** residual;  ///< likewise; untouched where there is none
};
/// Rows first_row..first_row+count-1 of one group.
void locate_rows(const GemmSpec& spec, const RunContext& context, std::int64_t group, std::int64_t first_row, int count,
                 const RowPointers& rows) noexcept;

}  // namespace tessera
