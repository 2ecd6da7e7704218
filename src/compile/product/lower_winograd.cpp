#include "compile/product/lower_winograd.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "compile/product/byte_products.hpp"
#include "compile/product/emit_gemm.hpp"
#include "compile/product/lower_matched.hpp"
#include "compile/product/winograd_weights.hpp"
#include "kernels/winograd/matrices.hpp"
#include "run/steps/winograd_step.hpp"

namespace tessera {
namespace {

/// Below this many tiles an image reads the transformed weights (four times the direct ones for F(4x4), 16/9 for
/// F(2x2)) for too few rows of a product. The last stage of a ResNet (7x7) has four large tiles, or sixteen small ones.
constexpr std::int64_t least_f32_tiles = 9;
/// With stride 2, where 11 of 36 products are saved, and sixteen tiles of a 7x7 image hold 15 pixels too many.
constexpr std::int64_t least_f32_tiles_stride_2 = 25;
/// Four times a sum of u8 * s8 over 9 taps and this many channels stays within s32.
constexpr std::int64_t most_int8_channels = 1800;

bool has_shape(const Builder& builder, const Node& node, const Window& window) {
  const Shape w = builder.shape(node.inputs[1]);
  const Value& weights = builder.value(node.inputs[1]);
  return weights.is_constant() && !has_zero_points(weights) && node.attribute_or<std::int64_t>("group", 1) == 1 &&
         window.kernel_h == 3 && window.kernel_w == 3 && window.stride_h == window.stride_w && window.stride_h <= 2 &&
         window.dilation_h == 1 && window.dilation_w == 1 && w[0] % 16 == 0 && w[1] % 16 == 0;
}

std::int64_t tiles_of_an_image(const Window& window, int side) {
  return ((window.out_h + side - 1) / side) * ((window.out_w + side - 1) / side);
}

/// A way to compute the node: with these transforms and this kernel of the products, or directly.
struct Way {
  const WinogradTransforms* transforms = nullptr;  ///< null: directly
  const BrgemmKernel* kernel = nullptr;
  bool pays = true;                 ///< as far as is known without a measurement
  double cost = 0;                  ///< of those in int8
  bool transforms_weights = false;  ///< while the model runs
};

/// What the times of kernels on their own (MachineConstants) become in a layer. Of one image, not of a batch: a part of
/// one shall share its packed weights with another.
namespace in_a_layer {
constexpr double direct = 1.1, direct_words = 1.25;  ///< whose rows are widened first
constexpr double input = 1.5, output = 2.5;          ///< tiles and sums go to memory and back
constexpr double weight_byte = 1.6;                  ///< the cores share the memory that weights are read from
constexpr double weight_byte_in_time = 1.2;          ///< a panel of enough_rows rows: reading overlaps with multiplying
constexpr double weight_byte_with_dot = 1.0;         ///< the same by a dot-product instruction, which leaves more slack
constexpr std::int64_t enough_rows = 9;
constexpr double weight = 2.4;            ///< transformed ones go to L2 and back
constexpr std::int64_t block_tiles = 16;  ///< for so many tiles weights are transformed once
constexpr double advantage = 0.98;        ///< of weights transformed here: less memory, sooner ready
}  // namespace in_a_layer

/// Picoseconds of the direct sums.
double cost_of_direct(Builder& builder, const Node& node, const Window& window, const BrgemmKernel& direct) {
  const MachineConstants& machine = builder.machine();
  const Shape w = builder.shape(node.inputs[1]);
  const auto products = static_cast<double>(window.out_h * window.out_w * 9 * w[0] * w[1]);
  if (has_int8_dot(direct.isa)) return in_a_layer::direct * machine.dot * products;
  const GemmWeights weights{&builder.value(node.inputs[1]), 1, w[0], {9 * w[1]}, false, 9};
  const BrgemmKernel& bytes = *find_brgemm(DataType::u8, DataType::s8, builder.isa());
  double cost = std::min(in_a_layer::direct_words * machine.words,
                         in_a_layer::direct * cost_in_bytes(builder.weights(), machine, bytes, weights));
  if (machine.bytes_matched > 0) {
    const auto rows = static_cast<std::size_t>(window.out_h * window.out_w);  // counted in eights
    const double padded = static_cast<double>(round_up(rows, 8)) / static_cast<double>(rows);
    cost = std::min(cost, in_a_layer::direct * padded * cost_of_matched(builder.weights(), machine, weights));
  }
  return products * cost;
}

/// Picoseconds of the products and transforms, and of the weights: read from memory as they are, or a quarter of them
/// read and transformed.
double cost_of_winograd(const MachineConstants& machine, const Shape& w, const Window& window,
                        const WinogradTransforms& transforms, bool transforms_weights) {
  const auto tiles = static_cast<double>(tiles_of_an_image(window, transforms.side));
  const auto columns = static_cast<double>(w[0]), channels = static_cast<double>(w[1]);
  const double of_tile = machine.words * columns * channels + in_a_layer::input * machine.winograd_input * channels +
                         in_a_layer::output * machine.winograd_output * columns;
  const bool in_time = transforms.side == 4 && tiles >= in_a_layer::enough_rows;
  const double in_time_factor = machine.dot > 0 ? in_a_layer::weight_byte_with_dot : in_a_layer::weight_byte_in_time;
  const double weight_byte = machine.weight_byte * (in_time ? in_time_factor : in_a_layer::weight_byte);
  const auto blocks = std::ceil(tiles / in_a_layer::block_tiles);
  const double of_pair =
      transforms_weights
          ? 9 * weight_byte + blocks * transforms.matrices() * in_a_layer::weight * machine.winograd_weight
          : transforms.matrices() * static_cast<double>(sizeof(std::int16_t)) * weight_byte;
  const double cost = tiles * transforms.elements() * of_tile + columns * channels * of_pair;
  return transforms_weights ? in_a_layer::advantage * cost : cost;
}

/// The exact ways of integers, the cheapest first.
void add_int8_ways(Builder& builder, const Node& node, const Window& window, const BrgemmKernel& direct,
                   std::vector<Way>& ways) {
  if (has_tiles(direct.isa)) return;  // which multiply bytes many times as fast as anything does words
  const VectorKernels& vector = builder.vector();
  const Tensor& weights = builder.value(node.inputs[1]).constant;
  const BrgemmKernel* const words = find_brgemm(DataType::s16, DataType::s16, builder.isa());
  const double limit = cost_of_direct(builder, node, window, direct);
  const auto add = [&](const WinogradTransforms& transforms) {
    for (const bool transforms_weights : {false, true}) {
      if (transforms_weights && transforms.taps == nullptr) continue;
      const double cost = cost_of_winograd(builder.machine(), weights.shape(), window, transforms, transforms_weights);
      ways.push_back({&transforms, words, cost < limit, cost, transforms_weights});
    }
  };
  // Dot products of bytes are as fast as the 4/9 or 25/36 of the products that the small ones are, in words.
  const bool small = !has_int8_dot(direct.isa);
  if (window.stride_h == 2) {
    if (small) add(vector.winograd_int8_stride_2);
    return;  // nothing to sort
  }
  if (most_sum(builder.weights(), weights) < winograd::Int8_4x4::sum_limit) add(vector.winograd_int8);
  if (small && weights.shape()[1] <= most_int8_channels) add(vector.winograd_int8_small);
  std::ranges::stable_sort(ways, {}, &Way::cost);
}

void add_f32_ways(const Builder& builder, const Value& x, const Window& window, const BrgemmKernel& direct,
                  std::vector<Way>& ways) {
  const VectorKernels& vector = builder.vector();
  const bool bf16 = x.type == DataType::bf16;  // whose weights stay half as large as those of f32
  const auto add = [&](const WinogradTransforms& transforms, std::int64_t least_tiles) {
    const std::int64_t tiles = tiles_of_an_image(window, transforms.side);
    ways.push_back({&transforms, find_brgemm(direct.a, direct.b, builder.isa(), tiles), tiles >= least_tiles});
  };
  if (window.stride_h == 2) {
    add(bf16 ? vector.winograd_bf16_stride_2 : vector.winograd_f32_stride_2, least_f32_tiles_stride_2);
    return;
  }
  add(bf16 ? vector.winograd_bf16 : vector.winograd_f32, least_f32_tiles);
  add(bf16 ? vector.winograd_bf16_small : vector.winograd_f32_small, least_f32_tiles);
}

/// The ways that serve the types of the node, those first that are faster where they pay; always with the direct one,
/// which comes last.
std::vector<Way> ways_for(Builder& builder, const Node& node, const Window& window) {
  const Value& x = builder.value(node.inputs[0]);
  const Value& w = builder.value(node.inputs[1]);
  const BrgemmKernel* direct = gemm_kernel(builder, x, w, many_rows);
  if (direct == nullptr) return {Way{}};
  std::vector<Way> ways;
  if (direct->a == DataType::f32) {
    add_f32_ways(builder, x, window, *direct, ways);
  } else if (w.type == DataType::s8) {
    add_int8_ways(builder, node, window, *direct, ways);
  }
  ways.emplace_back();
  return ways;
}

std::string name_of_way(const Way& way) {
  if (way.transforms == nullptr) return "direct";
  const std::string side = std::to_string(way.transforms->side);
  return "winograd " + side + "x" + side + (way.transforms->stride == 2 ? " stride 2" : "") +
         (way.transforms_weights ? " from taps" : "");
}

Way choose_way(Builder& builder, const Node& node, const Window& window) {
  const std::vector<Way> ways = ways_for(builder, node, window);
  const auto usual = std::ranges::find_if(ways, [](const Way& way) { return way.pays; });
  Choice choice{"algorithm", {}, static_cast<std::size_t>(usual - ways.begin()), {}};
  choice.ways.reserve(ways.size());
  for (const Way& way : ways) choice.ways.push_back(name_of_way(way));
  return ways[builder.choose(node, choice)];
}

}  // namespace

bool lower_winograd(Builder& builder, const Node& node, const Window& window, const BrgemmKernel&) {
  if (!has_shape(builder, node, window)) return false;
  const Way way = choose_way(builder, node, window);
  if (way.transforms == nullptr) return false;
  const BrgemmKernel* const kernel = way.kernel;
  const WinogradTransforms* const transforms = way.transforms;
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
  const std::string name = name_of_way(way);
  const Shape shape = w.constant.shape();
  spec.transforms_weights = way.transforms_weights;
  const bool taps = way.transforms_weights;
  const auto pack = [kernel, transforms, shape, taps](const std::byte* from, std::byte* packed) {
    if (taps)
      pack_winograd_taps(*kernel, shape, from, packed);
    else
      pack_winograd_weights(*kernel, *transforms, shape, from, packed);
  };
  const std::size_t bytes =
      taps ? winograd_tap_bytes(*kernel, shape) : winograd_weight_bytes(*kernel, *transforms, shape);
  spec.weights =
      builder.keep(builder.weights().get(w.constant, std::string(kernel->name) + "/" + name, bytes, pack), true);

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
  step->info.choices = builder.take_choices();
  builder.emit(std::move(step), {spec.a.buffer, spec.residual.buffer}, {spec.c.buffer});
  return true;
}

}  // namespace tessera
