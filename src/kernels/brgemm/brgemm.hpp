// Batch-reduce GEMM: the one heavy primitive. Convolutions, linear layers and both attention products are loops around
// it.
//
//     C[m][n] = epilogue( sum over segments s, sum over k < s.k  A[m](s, k) * B(s, k)[n] )
//
// (Heinecke, Georganas et al., "Harnessing Deep Learning via a Single Building Block", 2020.)
//
// A  activations, read in place. Every row m has its own pointer, so a row may be a pixel anywhere in an NHWC tensor;
// segment s of
//    that row starts `a_offset` bytes further and holds k consecutive elements. A 1x1 convolution or a linear layer has
//    one segment, a KHxKW convolution one per kh (kw and channels are contiguous in NHWC).
// B  weights, packed by pack_b in panels of `nr` columns: for each panel all segments in order, each padded with zeros
// to whole
//    groups of `k_group` rows, a group stored as [nr][k_group]. The first panel holds columns 0..nr-1, and so on; the
//    last is padded with zero columns.
// C  rows have their own pointers too (NHWC tensors may carry a border).
//
// Order of summation is part of the contract: f32 accumulates each C[m][n] in one chain of fused multiply-adds,
// segments in order, k in order, from +0. So f32 results do not depend on the tier, the blocking or the thread count.
// s32 accumulation is exact. bf16 follows the same chain with operands widened to f32, except on tiers with dot-product
// hardware.
//
// A may be over-read to the next multiple of k_group at the end of a segment (core/memory.hpp: buffer_slack); u8
// garbage meets zero weights there. bf16 kernels must not multiply such garbage (it may be NaN).
#pragma once

#include <cstddef>
#include <span>

#include "kernels/types.hpp"

namespace tessera {

class TileSession;

struct KSegment {
  std::int64_t a_offset = 0;  ///< bytes from a row pointer to this segment
  std::int64_t k = 0;         ///< elements; a multiple of k_group except in the last block of a tap
};

/// What happens to an accumulator on its way to C. Column-indexed arrays are padded to whole panels by the caller.
/// Order:  s32: x = float(acc + compensation[n]) * (scale[n] * row_scale[m])     f32: x = acc
///         x = x + bias[n];  the residual, if there is one;  x = activation(x);  convert to c_type and store.
/// The residual:  without rounds_sum: x = x + residual[m][n]
///                with rounds_sum:    x = dequantize(quantize(x)) + (sum_offset + residual[m][n]), the parenthesis
///                first;
///                                    quantize is sum_to_u8, dequantize is sum_from_u8.
/// How these are rounded:
///   - scale and bias of s32 sums: fma(float(acc + compensation), scale, bias), the product of the two scales rounded
///     before;
///   - dequantize(q) + s: fma(float(q - zero_point), scale, s); so, too, a u8 residual q that is added to s;
///   - f32 bias, and residuals of f32 and bf16: plain additions.
struct Epilogue {
  const std::int32_t* compensation = nullptr;  ///< s32 only: -zero_point(A) * column sum of B; null: 0
  const float* scale = nullptr;                ///< s32 only, required there: scale(A) * scale(B)[n]
  const float* row_scale = nullptr;            ///< s32 only: m factors, for rows of A quantized one by one; null: 1
  const float* bias = nullptr;                 ///< null: 0
  const std::byte* const* residual_rows = nullptr;  ///< m pointers to column 0; null: no residual
  DataType residual_type = DataType::f32;           ///< f32, bf16, or u8 (dequantized with `residual`)
  Dequantize residual;
  bool rounds_sum = false;  ///< with a residual: x goes through u8 and back before the residual is added
  Requantize sum_to_u8;
  Dequantize sum_from_u8;
  float sum_offset = 0;
  Activation activation = Activation::none;
  ActivationParameters parameters{};
  DataType c_type = DataType::f32;  ///< f32, bf16, or u8 (quantized with `requantize`)
  Requantize requantize;
  /// The caller's promise that all scales have been divided by that of C, which lets kernels of s32 sums take a shorter
  /// way to the same bytes. Preconditions:
  ///   1. C is u8, and the scales of requantize and sum_to_u8 are 1;
  ///   2. a residual is u8 with zero point 0;
  ///   3. with rounds_sum, sum_to_u8, sum_from_u8 and C have zero point 0;
  ///   4. no value reaches 2^30 in magnitude;
  ///   5. there is no row_scale;
  ///   6. the activation is none, or the cut to bytes does the same: relu where C has zero point 0, clip to a range
  ///   that
  ///      holds all that C can.
  bool in_steps_of_c = false;
};

/// One call: m rows times one panel.
struct BrgemmBlock {
  const std::byte* const* a_rows = nullptr;  ///< m row pointers
  int m = 0;
  const KSegment* segments = nullptr;
  int segment_count = 0;
  const std::byte* b = nullptr;  ///< this panel, at the first of these segments
  /// The B that the caller will read after this block. The block prefetches as many bytes of it as its own b has, each
  /// tile of rows a share. Null: the bytes behind this block's b.
  const std::byte* next = nullptr;
  /// Whether that B comes from beyond L2. Kernels with tiles prefetch only then: a prefetch that finds its line in L2
  /// costs them more than it brings.
  bool next_is_far = false;
  /// For kernels that sum products of bytes in 16 bits (overflow.hpp): a mark for each k_group of b. Null: nothing is
  /// known about b, which costs them time.
  const std::uint8_t* overflows = nullptr;
  int n0 = 0;  ///< column of C where the panel starts; indexes bias, scale, residual and C
  int n = 0;   ///< valid columns, 1..nr; nothing is stored beyond them

  /// K blocking: partial sums live in `accumulators` ([m][nr], f32 or s32, 64-byte aligned) between the calls of one
  /// chain. first: start from zero instead of reading them. last: run the epilogue instead of writing them. May be null
  /// if both.
  std::byte* accumulators = nullptr;
  bool first = true;
  bool last = true;

  std::byte* const* c_rows = nullptr;  ///< m pointers to column 0 of C
  const Epilogue* epilogue = nullptr;

  /// The caller's hold on this thread's tiles (tile_session.hpp), one for many blocks: the kernel may then leave the
  /// last rows of C or of the accumulators to the next two calls or to TileSession::finish(). Null: kernels that use
  /// tiles configure and release them within each call.
  TileSession* tiles = nullptr;
};

/// One row of the kernel table.
struct BrgemmKernel {
  const char* name;  ///< "{tier}-{a}{b}-{mr}x{nr}", e.g. "avx2-f32-6x16", "avx512_core_vnni-u8s8-14x32"
  Isa isa;
  DataType a;   ///< f32, bf16, u8, s16 (sums must fit s32)
  DataType b;   ///< f32, bf16, s8, s16
  int mr;       ///< rows of the register block: m should be a multiple where possible
  int nr;       ///< columns of a panel
  int k_group;  ///< 1 (f32 x f32), 2 (bf16, s16), 2 or 4 (int8)
  void (*run)(const BrgemmBlock& block);
};

/// A strided view of the weights to pack: element (k, n) at data[k * k_stride + n * n_stride].
/// f32 data packs into f32 or bf16 panels, s8 data into s8 or s16 panels, s16 data into s16
/// panels.
struct BMatrix {
  const std::byte* data = nullptr;
  DataType type = DataType::f32;
  std::int64_t k = 0;  ///< total over all segments
  std::int64_t n = 0;
  std::int64_t k_stride = 0;
  std::int64_t n_stride = 0;
};

/// Bytes of one packed panel and of the whole matrix. `segment_k` holds the unpadded k of each segment in order.
std::size_t packed_panel_bytes(const BrgemmKernel& kernel, std::span<const std::int64_t> segment_k);
std::size_t packed_b_bytes(const BrgemmKernel& kernel, std::span<const std::int64_t> segment_k, std::int64_t n);
/// Bytes of k consecutive elements of one panel, k a multiple of k_group: where the next K block of a panel starts.
std::size_t packed_k_bytes(const BrgemmKernel& kernel, std::int64_t k);
void pack_b(const BrgemmKernel& kernel, const BMatrix& source, std::span<const std::int64_t> segment_k,
            std::byte* target);

/// The plain definition of correctness, in portable code: same contract, any nr and k_group.
void brgemm_reference(const BrgemmKernel& kernel, const BrgemmBlock& block);

/// The best kernel for these types and this many rows within the ceiling: a pure function. Null when there is none.
constexpr std::int64_t many_rows = INT64_MAX;
const BrgemmKernel* find_brgemm(DataType a, DataType b, Isa ceiling, std::int64_t rows = many_rows) noexcept;
/// Every kernel compiled in; tests and benchmarks iterate over it.
std::span<const BrgemmKernel> all_brgemm() noexcept;

}  // namespace tessera
