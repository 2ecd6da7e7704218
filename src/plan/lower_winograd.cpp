#include "plan/lower_winograd.hpp"

#include <memory>
#include <vector>

#include "kernels/winograd/matrices.hpp"
#include "plan/emit_gemm.hpp"
#include "plan/steps/winograd_step.hpp"

namespace tessera {
namespace {

/// Below this many tiles an image reads four times the weights for too few rows of a product: the last stage of a
/// ResNet (7x7, four tiles) is bound by memory either way.
constexpr std::int64_t least_f32_tiles = 9;
/// Four times a sum of u8 * s8 over 9 taps and this many channels stays within s32.
constexpr std::int64_t most_int8_channels = 1800;

bool has_shape(const Builder& builder, const Node& node, const Window& window) {
  const Shape w = builder.shape(node.inputs[1]);
  return builder.value(node.inputs[1]).is_constant() && node.attribute_or<std::int64_t>("group", 1) == 1 &&
         window.kernel_h == 3 && window.kernel_w == 3 && window.stride_h == 1 && window.stride_w == 1 &&
         window.dilation_h == 1 && window.dilation_w == 1 && w[0] % 16 == 0 && w[1] % 16 == 0;
}

std::int64_t tiles_of_an_image(const Window& window, int side) {
  return ((window.out_h + side - 1) / side) * ((window.out_w + side - 1) / side);
}

/// The transforms that serve the types of the node, or null; `kernel` becomes that of the products.
const WinogradTransforms* transforms_for(const Builder& builder, const Node& node, const Window& window,
                                         const BrgemmKernel*& kernel) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& w = builder.value(node.inputs[1]);
  const VectorKernels& vector = builder.vector();
  const BrgemmKernel* direct = gemm_kernel(builder, x, w, many_rows);
  if (direct == nullptr) return nullptr;
  if (direct->a == DataType::f32) {
    const std::int64_t tiles = tiles_of_an_image(window, vector.winograd_f32.side);
    kernel = gemm_kernel(builder, x, w, tiles);
    return tiles >= least_f32_tiles ? &vector.winograd_f32 : nullptr;
  }
  // Dot-product instructions take four u8 where these products take two s16: only without them there is a gain.
  if (direct->a != DataType::s16 || builder.shape(node.inputs[1])[1] > most_int8_channels) return nullptr;
  kernel = direct;
  return &vector.winograd_int8;
}

/// Columns transformed together: independent sums, which the compiler puts into vectors.
constexpr int lanes = 8;

/// G g G^T of `lanes` channel pairs.
template <class Matrices>
void transform(const double (&taps)[9][lanes], double (&elements)[Matrices::tile * Matrices::tile][lanes]) {
  constexpr int n = Matrices::tile;
  double half[n][3][lanes] = {};
  for (int i = 0; i < n; ++i)
    for (int tap = 0; tap < 9; ++tap)
      for (int l = 0; l < lanes; ++l) half[i][tap % 3][l] += Matrices::weights[i][tap / 3] * taps[tap][l];
  for (int e = 0; e < n * n; ++e) {
    for (int l = 0; l < lanes; ++l)
      elements[e][l] = Matrices::weights[e % n][0] * half[e / n][0][l] +
                       Matrices::weights[e % n][1] * half[e / n][1][l] +
                       Matrices::weights[e % n][2] * half[e / n][2][l];
  }
}

/// The transformed weights of every channel pair, [element][channels][columns], packed element by element.
template <class Matrices, class Weight, class Operand>
AlignedBuffer pack_transformed(const BrgemmKernel& kernel, const Tensor& weights) {
  constexpr int n = Matrices::tile;
  const std::int64_t columns = weights.shape()[0], channels = weights.shape()[1], matrix = channels * columns;
  const auto g = weights.as<Weight>();
  std::vector<Operand> transformed(static_cast<std::size_t>(n * n * matrix));
  double taps[9][lanes], elements[n * n][lanes];
  for (std::int64_t column = 0; column < columns; column += lanes) {
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      for (int l = 0; l < lanes; ++l)
        for (int tap = 0; tap < 9; ++tap)
          taps[tap][l] =
              static_cast<double>(g[static_cast<std::size_t>(((column + l) * channels + channel) * 9 + tap)]);
      transform<Matrices>(taps, elements);
      for (int e = 0; e < n * n; ++e)
        for (int l = 0; l < lanes; ++l)
          transformed[static_cast<std::size_t>(e * matrix + channel * columns + column + l)] =
              static_cast<Operand>(elements[e][l]);
    }
  }
  const std::int64_t segment[] = {channels};
  const std::size_t matrix_bytes = packed_b_bytes(kernel, segment, columns);
  AlignedBuffer packed(matrix_bytes * n * n);
  for (int e = 0; e < n * n; ++e) {
    const auto* const from = reinterpret_cast<const std::byte*>(transformed.data() + e * matrix);
    pack_b(kernel, {from, data_type_of<Operand>, channels, columns, columns, 1}, segment,
           packed.data() + static_cast<std::size_t>(e) * matrix_bytes);
  }
  return packed;
}

AlignedBuffer pack_for(const BrgemmKernel& kernel, const Tensor& weights) {
  return weights.type() == DataType::f32
             ? pack_transformed<winograd::F32_4x4, float, float>(kernel, weights)
             : pack_transformed<winograd::Int8_2x2, std::int8_t, std::int16_t>(kernel, weights);
}

}  // namespace

bool lower_winograd(Builder& builder, const Node& node, const Window& window) {
  if (!has_shape(builder, node, window)) return false;
  const BrgemmKernel* kernel = nullptr;
  const WinogradTransforms* transforms = transforms_for(builder, node, window, kernel);
  if (transforms == nullptr) return false;
  const Value& x = builder.value(node.inputs[0]);
  const Value& w = builder.value(node.inputs[1]);
  const Value& y = builder.value(node.outputs[0]);

  WinogradSpec spec;
  spec.a = builder.image_input(node.inputs[0]);
  if (node.has_input(3)) spec.residual = builder.image_input(node.inputs[3]);
  spec.c = builder.image_output(node.outputs[0]);
  spec.pad_top = window.pad_top;
  spec.pad_left = window.pad_left;
  spec.zero = zero_byte(x);
  spec.fill = zero_byte(y);
  const GemmWeights direct{&w, 1, spec.c.channels, {9 * spec.a.channels}, false, 9};
  spec.epilogue = make_epilogue(builder, node, *kernel, direct, x, node.input(2), node.input(3));
  const std::string side = std::to_string(transforms->side), name = "winograd " + side + "x" + side;
  const auto pack = [&] { return pack_for(*kernel, w.constant); };
  spec.weights = builder.keep(builder.weights().get(w.constant, std::string(kernel->name) + "/" + name, pack), true);

  auto step = std::make_unique<WinogradStep>(*kernel, *transforms, spec);
  const std::int64_t outputs = builder.shape(node.outputs[0]).elements();
  step->info = {node.name,
                node.op,
                std::string(kernel->name) + " " + name,
                std::string(name_of(kernel->isa)),
                gemm_precision(*kernel, y.type),
                "",
                2e-9 * static_cast<double>(outputs) * static_cast<double>(9 * spec.a.channels),
                0};
  builder.emit(std::move(step), {spec.a.buffer, spec.residual.buffer}, {spec.c.buffer});
  return true;
}

}  // namespace tessera
