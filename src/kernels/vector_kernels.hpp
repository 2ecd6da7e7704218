// Everything but the matrix product: written once over a 16-lane float vector (simd/), compiled per tier, one table
// entry a tier. All functions work on the slice they are given; splitting among threads is the caller's job. Rows may
// over-read 64 bytes. Reductions run in a fixed order (16 running lanes, then a fixed tree), so that results agree bit
// for bit between tiers.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/types.hpp"

namespace tessera {

struct DepthwiseCall;  // depthwise/depthwise.hpp

/// A row-wise tensor slice with an element type and, for u8/s8, its quantization.
struct RowsIn {
  const std::byte* data = nullptr;
  std::int64_t stride = 0;  ///< bytes between rows
  DataType type = DataType::f32;
  Dequantize quantization;
};
struct RowsOut {
  std::byte* data = nullptr;
  std::int64_t stride = 0;
  DataType type = DataType::f32;
  Requantize quantization;
};

/// y = softmax(x * scale + mask) over each row of `n`. mask: n floats added to every row, or null.
struct SoftmaxCall {
  RowsIn x;   ///< f32, or s32: sums of products of integers
  RowsOut y;  ///< f32, bf16 or u8; may alias x when both are f32 and x is not in blocks
  const float* mask = nullptr;
  std::int64_t mask_stride = 0;  ///< floats between the mask rows of consecutive rows; 0: the same mask for all
  float scale = 1.0F;
  std::int64_t rows = 0, n = 0;
  /// x may lie in blocks of so many columns, a multiple of 16, as a matrix product leaves its sums; 0: whole rows.
  std::int64_t block_columns = 0;
  std::int64_t block_stride = 0;               ///< bytes between blocks; x.stride is then that within a block
  const std::int32_t* compensation = nullptr;  ///< s32 only: n integers added to every row; null: 0
};

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over each row of `n`; statistics in two passes. Not
/// centred: with 0 for the mean, so that the variance is the mean square.
struct LayerNormCall {
  RowsIn x;   ///< f32 or bf16
  RowsOut y;  ///< f32, bf16 or u8
  const float* gamma = nullptr;
  const float* beta = nullptr;  ///< null: 0
  float epsilon = 1e-5F;
  bool centred = true;
  std::int64_t rows = 0, n = 0;
};

enum class Binary : std::uint8_t { add, sub, mul, div };

/// y[i] = activation(a[i]) or activation(a[i] op b[i]); any of f32, bf16, u8 in and out.
struct ElementwiseCall {
  RowsIn a;
  RowsIn b;  ///< data null: unary
  Binary op = Binary::add;
  Activation activation = Activation::none;
  RowsOut y;
  std::int64_t rows = 0, n = 0;
  ActivationParameters parameters{};
};

/// Pooling over NHWC. The input window of output pixel (h, w) starts at row h*stride_h - pad_top and is clipped to the
/// image; the divisor of average is the number of pixels in the clipped window, or kernel_h*kernel_w with
/// count_include_pad.
struct PoolCall {
  bool average = false;
  RowsIn x;                                         ///< data at pixel (0,0) of one image; stride: bytes between pixels
  RowsOut y;                                        ///< data at output pixel (0,0); stride: bytes between pixels
  std::int64_t x_row_stride = 0, y_row_stride = 0;  ///< bytes between image rows
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t out_width = 0;
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0;
  bool count_include_pad = false;
  std::int64_t first_row = 0, last_row = 0;  ///< output rows [first, last)
};

/// Element type conversion with (de)quantization: f32 <-> bf16 <-> u8, and u8 -> u8 under another scale.
struct ConvertCall {
  RowsIn x;
  RowsOut y;
  std::int64_t rows = 0, n = 0;
};

/// Widens n bytes to s16 and appends one zero if n is odd. Repeats this for `pieces` pieces; where two pieces overlap
/// in y, the later one wins.
struct WidenCall {
  const std::byte* x = nullptr;
  std::byte* y = nullptr;
  std::int64_t n = 0;
  std::int64_t pieces = 1;
  std::int64_t x_stride = 0, y_stride = 0;  ///< bytes from piece to piece
};

/// u8 rows around 128 with a scale each: scales[r] = max|x| / 127, y = round(x / scales[r]) + 128, at most 127 away
/// from 128. A row that holds NaN or infinity gets the scale NaN, a row of zeros the scale 0.
struct QuantizeRowsCall {
  RowsIn x;  ///< f32 or bf16
  std::byte* y = nullptr;
  float* scales = nullptr;
  std::int64_t rows = 0, n = 0;
  std::int64_t y_stride = 0;  ///< bytes between rows of y
};

/// range = {the least, the largest} of n elements and 0; both NaN where one of them is NaN or infinite.
struct RangeCall {
  const std::byte* x = nullptr;
  DataType type = DataType::f32;  ///< f32 or bf16
  std::int64_t n = 0;
  float* range = nullptr;
};

/// One image NCHW (dense f32) -> NHWC rows [first, last) of y with conversion; and back.
struct ToNhwcCall {
  const float* x = nullptr;
  RowsOut y;  ///< data at pixel (0,0); stride: bytes between pixels
  std::int64_t y_row_stride = 0;
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t first_row = 0, last_row = 0;
};
struct ToNchwCall {
  RowsIn x;
  std::int64_t x_row_stride = 0;
  float* y = nullptr;
  std::int64_t channels = 0, height = 0, width = 0;
  std::int64_t first_row = 0, last_row = 0;
};

/// Packs activations as B panels for the attention products (brgemm.hpp layout, one segment of k):
/// source element (k, n) at data + k*k_stride + n*n_stride bytes, f32, bf16 or u8; panels [first, last).
/// From f32 and bf16 the panels hold f32 when k_group is 1 and bf16 when it is 2. A u8 stands for the integer 128 below
/// it: s16 when k_group is 2, s8 when it is 4. nr is a multiple of 16.
struct PackCall {
  const std::byte* data = nullptr;
  DataType type = DataType::f32;
  std::int64_t k = 0, n = 0, k_stride = 0, n_stride = 0;
  int nr = 16, k_group = 1;
  std::byte* target = nullptr;
  std::int64_t first_panel = 0, last_panel = 0;
};

/// One tile of a Winograd convolution (winograd/): its input pixels become as many rows of v, one for each element of
/// the transformed tile. Channels: a multiple of 16.
struct WinogradInputCall {
  const std::byte* const* pixels = nullptr;  ///< row by row
  std::byte* v = nullptr;
  std::int64_t v_stride = 0;  ///< bytes between elements
  std::int64_t channels = 0;
};
/// And back: as many rows of products become the sums of side^2 output pixels.
struct WinogradOutputCall {
  const std::byte* m = nullptr;
  std::int64_t m_stride = 0;  ///< bytes between elements
  std::byte* sums = nullptr;
  std::int64_t sums_stride = 0;  ///< bytes between pixels
  std::int64_t channels = 0;
};
/// Weights [columns][channels][3][3], s8 for s16 and f32 for f32, become matrices [channels][columns], as many as the
/// elements of a tile need. Columns: a multiple of 16.
struct WinogradWeightsCall {
  const std::byte* weights = nullptr;
  std::int64_t columns = 0, channels = 0;
  std::byte* transformed = nullptr;
  std::int64_t stride = 0;  ///< bytes between matrices
};
/// The same of s8 weights in the order in which a kernel multiplies: taps[group][9][lanes], where lanes are the columns
/// of a panel times the k of a group, become [group][lanes] of s16 in each matrix. Lanes: a multiple of 32.
struct WinogradTapsCall {
  const std::byte* taps = nullptr;
  std::int64_t groups = 0, lanes = 0;
  std::byte* transformed = nullptr;
  std::int64_t stride = 0;  ///< bytes between matrices
};
/// The transforms of one kind of convolution.
struct WinogradTransforms {
  int side;          ///< of a tile of outputs
  DataType pixel;    ///< type of an input pixel
  DataType operand;  ///< type of a transformed one: what the matrix product multiplies. Sums have 32 bits
  void (*input)(const WinogradInputCall&);
  void (*output)(const WinogradOutputCall&);
  void (*weights)(const WinogradWeightsCall&);
  int stride = 1;                           ///< of the convolution
  const std::uint8_t* matrix_of = nullptr;  ///< of each element, in rising order; null: each has one of its own
  /// For weights that are transformed while the model runs; null: that is not offered.
  void (*taps)(const WinogradTapsCall&) = nullptr;

  [[nodiscard]] constexpr int tile() const noexcept { return (side - 1) * stride + 3; }  ///< pixels in a row
  [[nodiscard]] constexpr int elements() const noexcept { return tile() * tile(); }
  [[nodiscard]] constexpr int matrix(int element) const noexcept {
    return matrix_of == nullptr ? element : matrix_of[element];
  }
  [[nodiscard]] constexpr int matrices() const noexcept { return matrix(elements() - 1) + 1; }
};

/// A slice of two rows of A, 2 * half columns, becomes one row each of the seven operands of Strassen's product
/// (strassen/): A11, A12, A22, S1, S2, S3, S4.
struct StrassenRowsCall {
  const std::byte* first = nullptr;
  const std::byte* second = nullptr;
  std::int64_t half = 0;  ///< a multiple of 32
  std::byte* operands = nullptr;
  std::int64_t operand_stride = 0;  ///< bytes from one to the next
};
/// T1, T2, T3 and T4 of four quarters of B, which may be packed.
struct StrassenPanelsCall {
  const std::byte* b11 = nullptr;
  const std::byte* b12 = nullptr;
  const std::byte* b21 = nullptr;
  const std::byte* b22 = nullptr;
  std::byte* sums = nullptr;  ///< one behind the other
  std::int64_t elements = 0;  ///< of each; a multiple of 32
};
/// target = x + y, or target + (x + y); of f32, or of s32, which wrap.
struct StrassenAddCall {
  std::byte* target = nullptr;
  const std::byte* x = nullptr;
  const std::byte* y = nullptr;  ///< null: 0
  bool first = true;             ///< target is only written
  std::int64_t elements = 0;     ///< a multiple of 16
};
/// The additions of products of one type.
struct StrassenSums {
  DataType pixel;    ///< type of A
  DataType operand;  ///< what the matrix product multiplies
  void (*rows)(const StrassenRowsCall&);
  void (*panels)(const StrassenPanelsCall&);
  void (*add)(const StrassenAddCall&);
};

/// Pixels side by side: of each group of 4 k the bytes of 8 * vectors rows, y[group][row][4]. Rows are read, and groups
/// written, eight groups at a time.
struct InterleaveCall {
  const std::byte* const* rows = nullptr;
  int vectors = 1;          ///< of 8 rows
  std::int64_t offset = 0;  ///< bytes from a row pointer to the first group
  std::int64_t groups = 0;
  std::byte* y = nullptr;
};
/// Two groups of 4 k that one column multiplies and adds in 16 bits (matched/match.hpp).
struct MatchedGroups {
  std::int8_t weights[2][4];
  std::uint16_t group[2];  ///< of A
};
constexpr int matched_columns = 16;      ///< of a panel
constexpr int most_matched_vectors = 8;  ///< of a tile
/// One tile of interleaved rows times one panel: sums[row][matched_columns] of s32.
struct MatchedCall {
  const std::byte* a = nullptr;
  int vectors = 1;                        ///< of 8 rows; at most most_matched_vectors
  const MatchedGroups* groups = nullptr;  ///< of all columns
  const std::uint32_t* starts = nullptr;  ///< where those of each column start, and where the last ones end
  std::byte* sums = nullptr;
  bool first = true;  ///< sums are written, not added to
};
/// u8 times s8 at the full rate of vpmaddubsw, exactly.
struct MatchedBytes {
  void (*interleave)(const InterleaveCall&);
  void (*multiply)(const MatchedCall&);
};

/// One row of the table: all of them for one tier.
struct VectorKernels {
  const char* name;  ///< the tier's name
  Isa isa;
  void (*softmax)(const SoftmaxCall&);
  void (*layer_norm)(const LayerNormCall&);
  void (*elementwise)(const ElementwiseCall&);
  void (*pool)(const PoolCall&);
  void (*convert)(const ConvertCall&);
  void (*quantize_rows)(const QuantizeRowsCall&);
  void (*range)(const RangeCall&);
  void (*widen)(const WidenCall&);
  std::int32_t (*sum_bytes)(const std::byte* x, std::int64_t n);  ///< of n u8
  void (*to_nhwc)(const ToNhwcCall&);
  void (*to_nchw)(const ToNchwCall&);
  void (*pack)(const PackCall&);
  void (*depthwise)(const DepthwiseCall&);
  WinogradTransforms winograd_f32;                        ///< F(4x4, 3x3)
  WinogradTransforms winograd_f32_small;                  ///< F(2x2, 3x3)
  WinogradTransforms winograd_bf16, winograd_bf16_small;  ///< the same from pixels of bf16
  WinogradTransforms winograd_int8;                       ///< F(4x4, 3x3), exact for sums below 2^25
  WinogradTransforms winograd_int8_small;                 ///< F(2x2, 3x3), exact
  WinogradTransforms winograd_f32_stride_2;               ///< F(2x2, 3x3) of stride 2
  WinogradTransforms winograd_bf16_stride_2;
  WinogradTransforms winograd_int8_stride_2;  ///< exact
  StrassenSums strassen_f32;
  StrassenSums strassen_words;                  ///< of bytes as 16-bit words, exact
  const MatchedBytes* matched_bytes = nullptr;  ///< null where words or dot products of the tier are faster
};

/// The best set within the ceiling.
const VectorKernels& vector_kernels(Isa ceiling) noexcept;
std::span<const VectorKernels> all_vector_kernels() noexcept;
/// Plain portable code, the oracle of the tests; not in the table.
const VectorKernels& reference_vector_kernels() noexcept;

}  // namespace tessera
