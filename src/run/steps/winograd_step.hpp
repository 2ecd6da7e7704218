// WinogradStep: a 3x3 convolution by Winograd's algorithm (kernels/winograd): a quarter of the multiplications with
// tiles of 4x4 outputs, 4/9 with tiles of 2x2, 25/36 with stride 2; in int8 with the bits of the direct sum. Loop
// order, outside in:
//   members share the grid of tiles x column panels -> block of tiles (transformed, then one product of
//   [tiles][channels] x [channels][columns] for each element of a transformed tile) -> panel -> some tiles (transformed
//   back and finished by the epilogue of the product kernel). All in this member's scratch.
// Weights were transformed when they were packed, or are transformed here, panel by panel and some channels at a time,
// where four times as many bytes of weights would take longer to come from memory.
#pragma once

#include "core/memory.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {

struct WinogradSpec {
  Image a, c;
  Image residual;  ///< buffer == no_buffer: none
  std::int64_t pad_top = 0, pad_left = 0;
  std::uint8_t zero = 0;               ///< byte of a pixel outside the image a: 0, or the zero point of u8
  std::uint8_t fill = 0;               ///< halo byte of c
  Epilogue epilogue;                   ///< as of the direct product; residual_rows is the step's
  const std::byte* weights = nullptr;  ///< packed matrices [channels][columns], one after the other
  bool transforms_weights = false;     ///< they are packed taps instead (winograd_weights.hpp)
};

class WinogradStep final : public Step {
 public:
  WinogradStep(const BrgemmKernel& kernel, const WinogradTransforms& transforms, const WinogradSpec& spec);

  void run(const RunContext& context) const noexcept override;
  [[nodiscard]] std::size_t scratch_bytes() const noexcept override;

 private:
  struct Block;
  struct Outputs;
  struct Products;
  /// Where a tile lies.
  struct Place {
    std::int64_t image = 0, h = 0, w = 0;  ///< of its first output pixel
  };

  [[nodiscard]] Place place_of(std::int64_t tile) const noexcept;
  [[nodiscard]] GridSplit split_among(int members) const noexcept;
  [[nodiscard]] std::int64_t block_bytes(int tiles) const noexcept;
  [[nodiscard]] std::int64_t tile_bytes() const noexcept;  ///< sums of one tile and element in one panel
  /// Panels whose products are kept at a time.
  [[nodiscard]] std::int64_t panels_at_once() const noexcept { return spec_.transforms_weights ? 1 : panels_; }
  [[nodiscard]] std::int64_t transformed_stride() const noexcept;  ///< bytes between matrices that are made here
  [[nodiscard]] std::int64_t weight_bytes() const noexcept;        ///< of all of them
  void transform_inputs(const RunContext& context, const Block& block) const noexcept;
  void multiply(const Block& block) const noexcept;
  void multiply_panel(const Block& block, std::int64_t panel) const noexcept;
  void locate_outputs(const RunContext& context, const Block& block, Outputs& outputs) const noexcept;
  void transform_outputs(const Block& block, std::int64_t panel, Range tiles) const noexcept;
  void finish(const Block& block, const Outputs& outputs, std::int64_t panel) const noexcept;

  const BrgemmKernel& kernel_;
  const WinogradTransforms& transforms_;
  WinogradSpec spec_;
  int side_, tile_, elements_;
  std::int64_t tiles_across_ = 0, tiles_down_ = 0;  ///< of one image
  std::int64_t panels_ = 0;
  std::int64_t matrix_bytes_ = 0;      ///< one packed matrix
  std::int64_t v_stride_ = 0;          ///< bytes from one transformed tile to the next
  std::int64_t channels_at_once_ = 0;  ///< whose weights are transformed together
  int block_tiles_ = 0;
  AlignedBuffer outside_;  ///< a pixel outside the image
};

}  // namespace tessera
