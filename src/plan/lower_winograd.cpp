#include "plan/lower_winograd.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/winograd/matrices.hpp"
#include "plan/byte_products.hpp"
#include "plan/emit_gemm.hpp"
#include "plan/steps/winograd_step.hpp"

namespace tessera {
namespace {

/// Below this many tiles an image reads the transformed weights (four times the direct ones for F(4x4), 16/9 for
/// F(2x2)) for too few rows of a product. The last stage of a ResNet (7x7) has four large tiles, or sixteen small ones.
constexpr std::int64_t least_f32_tiles = 9;
/// Likewise F(2x2) of 16-bit words, 3.6 times the bytes of direct products, where those are fast. Of one image: a part
/// of a batch shall share its packed weights with another.
constexpr std::int64_t least_int8_tiles = 32;
/// Four times a sum of u8 * s8 over 9 taps and this many channels stays within s32.
constexpr std::int64_t most_int8_channels = 1800;

bool has_shape(const Builder& builder, const Node& node, const Window& window) {
  const Shape w = builder.shape(node.inputs[1]);
  const Value& weights = builder.value(node.inputs[1]);
  return weights.is_constant() && !has_zero_points(weights) && node.attribute_or<std::int64_t>("group", 1) == 1 &&
         window.kernel_h == 3 && window.kernel_w == 3 && window.stride_h == 1 && window.stride_w == 1 &&
         window.dilation_h == 1 && window.dilation_w == 1 && w[0] % 16 == 0 && w[1] % 16 == 0;
}

std::int64_t tiles_of_an_image(const Window& window, int side) {
  return ((window.out_h + side - 1) / side) * ((window.out_w + side - 1) / side);
}

/// Whether products of s16 pay; `direct` is the kernel of direct ones.
bool serves_int8(const Builder& builder, const Node& node, const Window& window, const BrgemmKernel& direct) {
  // Dot-product instructions take four u8 where these products take two s16: only without them there is a gain.
  const Shape w = builder.shape(node.inputs[1]);
  if (direct.a != DataType::s16 || w[1] > most_int8_channels) return false;
  if (tiles_of_an_image(window, winograd::Int8_2x2::side) >= least_int8_tiles) return true;
  const GemmWeights weights{&builder.value(node.inputs[1]), 1, w[0], {9 * w[1]}, false, 9};
  return &bytes_where_faster(builder, direct, weights) == &direct;
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
    const bool bf16 = x.type == DataType::bf16;  // whose weights stay half as large as those of f32
    for (const WinogradTransforms* transforms : {bf16 ? &vector.winograd_bf16 : &vector.winograd_f32,
                                                 bf16 ? &vector.winograd_bf16_small : &vector.winograd_f32_small}) {
      const std::int64_t tiles = tiles_of_an_image(window, transforms->side);
      if (tiles < least_f32_tiles) continue;
      kernel = find_brgemm(direct->a, direct->b, builder.isa(), tiles);
      return transforms;
    }
    return nullptr;
  }
  if (!serves_int8(builder, node, window, *direct)) return nullptr;
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

/// The taps of `lanes` channel pairs that lie `stride` weights apart, at any alignment.
template <class Weight>
void read_taps(const std::byte* weights, std::int64_t first, std::int64_t stride, double (&taps)[9][lanes]) {
  Weight pair[9];
  for (int l = 0; l < lanes; ++l) {
    std::memcpy(pair, weights + static_cast<std::size_t>(first + l * stride) * sizeof(Weight), sizeof pair);
    for (int tap = 0; tap < 9; ++tap) taps[tap][l] = static_cast<double>(pair[tap]);
  }
}

/// The transformed weights of every channel pair, [element][channels][columns], packed element by element.
template <class Matrices, class Weight, class Operand>
void pack_transformed(const BrgemmKernel& kernel, const Shape& shape, const std::byte* weights, std::byte* packed) {
  constexpr int n = Matrices::tile;
  const std::int64_t columns = shape[0], channels = shape[1], segment[] = {channels};
  const std::size_t panel_bytes = packed_panel_bytes(kernel, segment);
  const std::size_t matrix_bytes = packed_b_bytes(kernel, segment, columns);
  // Panel by panel: what is transformed stays in a cache.
  std::vector<Operand> transformed(static_cast<std::size_t>(n * n * channels * kernel.nr));
  double taps[9][lanes], elements[n * n][lanes];
  for (std::int64_t first = 0; first < columns; first += kernel.nr, packed += panel_bytes) {
    const std::int64_t width = std::min<std::int64_t>(kernel.nr, columns - first), matrix = channels * width;
    for (std::int64_t column = 0; column < width; column += lanes) {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        read_taps<Weight>(weights, ((first + column) * channels + channel) * 9, channels * 9, taps);
        transform<Matrices>(taps, elements);
        for (int e = 0; e < n * n; ++e)
          for (int l = 0; l < lanes; ++l)
            transformed[static_cast<std::size_t>(e * matrix + channel * width + column + l)] =
                static_cast<Operand>(elements[e][l]);
      }
    }
    for (int e = 0; e < n * n; ++e) {
      const auto* const from = reinterpret_cast<const std::byte*>(transformed.data() + e * matrix);
      pack_b(kernel, {from, data_type_of<Operand>, channels, width, width, 1}, segment,
             packed + static_cast<std::size_t>(e) * matrix_bytes);
    }
  }
}

std::size_t packed_bytes(const BrgemmKernel& kernel, int side, const Shape& weights) {
  const auto elements = static_cast<std::size_t>((side + 2) * (side + 2));
  const std::int64_t segment[] = {weights[1]};
  return elements * packed_b_bytes(kernel, segment, weights[0]);
}

void pack_for(const BrgemmKernel& kernel, int side, const Shape& shape, const std::byte* weights, std::byte* packed) {
  if (kernel.a != DataType::f32)
    pack_transformed<winograd::Int8_2x2, std::int8_t, std::int16_t>(kernel, shape, weights, packed);
  else if (side == winograd::F32_2x2::side)
    pack_transformed<winograd::F32_2x2, float, float>(kernel, shape, weights, packed);
  else
    pack_transformed<winograd::F32_4x4, float, float>(kernel, shape, weights, packed);
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
  const int side = transforms->side;
  const std::string name = "winograd " + std::to_string(side) + "x" + std::to_string(side);
  const Shape shape = w.constant.shape();
  const auto pack = [kernel, side, shape](const std::byte* from, std::byte* packed) {
    pack_for(*kernel, side, shape, from, packed);
  };
  spec.weights = builder.keep(builder.weights().get(w.constant, std::string(kernel->name) + "/" + name,
                                                    packed_bytes(*kernel, side, shape), pack),
                              true);

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
