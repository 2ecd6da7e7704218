// Convolutions of small groups: every type, group, kernel, stride, tail and epilogue, bit for bit against the plain
// definition in terms of matrix products.
#include "kernels/depthwise/depthwise.hpp"
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using DepthwiseKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(DepthwiseKernel);

struct Geometry {
  std::int64_t pixels;
  int kernel_h, kernel_w, stride, dilation;
};
constexpr Geometry geometries[] = {{1, 3, 3, 1, 1},  {3, 1, 1, 1, 1},  {4, 3, 3, 1, 1},  {7, 3, 3, 2, 1},
                                   {14, 5, 5, 1, 1}, {33, 3, 3, 1, 2}, {65, 1, 3, 2, 1}, {6, 2, 2, 3, 1},
                                   {9, 7, 7, 1, 1},  {10, 5, 5, 2, 1}};

/// Random operands of one row; arrays of columns are padded as the plan pads them.
struct Problem {
  Geometry g;
  DataType type;
  std::int64_t channels, width;
  Slice x, residual;
  std::vector<std::int64_t> taps;
  std::vector<std::byte> weights;
  std::vector<float> bias, scale;
  std::vector<std::int32_t> compensation;
  Epilogue epilogue;
  DepthwiseCall call;

  Problem(const Geometry& geometry, DataType x_type, int group, std::int64_t channel_count, std::mt19937& random)
      : g(geometry),
        type(x_type),
        channels(channel_count),
        width((g.pixels - 1) * g.stride + (g.kernel_w - 1) * g.dilation + 1),
        x(x_type, width * ((g.kernel_h - 1) * g.dilation + 1), channel_count),
        residual(x_type, g.pixels, channel_count, 4) {
    x.fill(random, -2.0F, 2.0F);
    residual.fill(random, -2.0F, 2.0F);
    for (int h = 0; h < g.kernel_h; ++h)
      for (int w = 0; w < g.kernel_w; ++w) taps.push_back((h * g.dilation * width + w * g.dilation) * x.stride());
    pack(group, random);
    const std::size_t padded = static_cast<std::size_t>(channels + 31) / 16 * 16;
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    for (std::size_t n = 0; n < padded; ++n) {
      bias.push_back(real(random));
      scale.push_back(0.0005F + 0.001F * std::fabs(real(random)));
      compensation.push_back(static_cast<std::int32_t>(1000.0F * real(random)));
    }
    call = {x.data(),
            type,
            g.stride * x.stride(),
            taps.data(),
            static_cast<int>(taps.size()),
            group,
            weights.data(),
            channels,
            g.pixels,
            &epilogue,
            nullptr,
            0,
            nullptr,
            0};
    if (g.dilation == 1) {
      call.row_taps = g.kernel_w;
      call.tap_step = x.stride();
    }
    epilogue.bias = bias.data();
    if (type == DataType::u8) {
      epilogue.scale = scale.data();
      epilogue.compensation = compensation.data();
    }
  }

  void pack(int group, std::mt19937& random) {
    const auto count = static_cast<std::size_t>(channels * group) * taps.size();
    const DepthwiseWeights shape{channels, group, static_cast<int>(taps.size())};
    weights.resize(packed_depthwise_bytes(type, shape));
    std::vector<std::int8_t> bytes(count);
    std::vector<float> floats(count);
    std::uniform_int_distribution<int> byte(-128, 127);
    std::uniform_real_distribution<float> real(-1.0F, 1.0F);
    for (std::size_t i = 0; i < count; ++i) {
      bytes[i] = static_cast<std::int8_t>(byte(random));
      floats[i] = real(random);
    }
    pack_depthwise(type, shape,
                   type == DataType::u8 ? reinterpret_cast<const std::byte*>(bytes.data())
                                        : reinterpret_cast<const std::byte*>(floats.data()),
                   weights.data());
  }

  void check(const VectorKernels& kernels, DataType y_type) {
    Slice y(y_type, g.pixels, channels, 8), expected = y;
    epilogue.c_type = y_type;
    epilogue.requantize = {0.05F, 99};
    call.y_step = y.stride();
    call.y = y.data();
    kernels.depthwise(call);
    call.y = expected.data();
    depthwise_reference(call);
    ASSERT_EQ(y.bytes(), expected.bytes())
        << name_of(type) << "->" << name_of(y_type) << ", group " << call.group << ", channels " << channels
        << ", pixels " << g.pixels << ", kernel " << g.kernel_h << 'x' << g.kernel_w;
    ASSERT_TRUE(y.surroundings_untouched());
  }
};

TEST_P(DepthwiseKernel, EveryTypeGroupGeometryAndTail) {
  std::mt19937 random(1);
  for (const DataType type : vector_types) {
    for (const int group : {1, 2, 4, 8}) {
      for (const Geometry& geometry : geometries) {
        for (const std::int64_t channels : {1, 3, 15, 16, 17, 32, 40, 100}) {
          if (channels * group > 140)
            continue;  // four vectors and a tail; the plain definition of more takes minutes in the emulator
          Problem problem(geometry, type, group, channels * group, random);
          for (const DataType y_type : vector_types) problem.check(kernels(), y_type);
        }
      }
    }
  }
}

TEST_P(DepthwiseKernel, ResidualsAndBounds) {
  std::mt19937 random(2);
  for (const DataType type : vector_types) {
    for (const std::int64_t channels : {16, 19, 64}) {
      for (const bool with_residual : {false, true}) {
        Problem problem({9, 3, 3, 1, 1}, type, 1, channels, random);
        if (with_residual) problem.call.residual = problem.residual.data();
        problem.call.residual_step = problem.residual.stride();
        problem.epilogue.residual_type = type;
        problem.epilogue.residual = {0.02F, 120};
        for (const Activation activation :
             {Activation::none, Activation::relu, Activation::clip, Activation::hard_swish, Activation::hard_sigmoid}) {
          problem.epilogue.activation = activation;
          problem.epilogue.parameters = {activation == Activation::clip ? -0.5F : 0.25F, 0.75F};
          for (const DataType y_type : vector_types) problem.check(kernels(), y_type);
        }
      }
    }
  }
}

TEST(DepthwiseReference, KnownValues) {
  // Two channels a group, two taps: y[c] = sum over t, j of x[t][j] * w[c][j][t].
  const std::vector<float> x{1, 2, 10, 20}, w{1, 10, 2, 20, 3, 30, 4, 40};
  std::vector<std::byte> packed(packed_depthwise_bytes(DataType::f32, {2, 2, 2}));
  pack_depthwise(DataType::f32, {2, 2, 2}, reinterpret_cast<const std::byte*>(w.data()), packed.data());
  const std::vector<std::int64_t> taps{0, 8};
  float y[2] = {};
  Epilogue epilogue;
  DepthwiseCall call;
  call.x = reinterpret_cast<const std::byte*>(x.data());
  call.taps = taps.data();
  call.tap_count = 2;
  call.group = 2;
  call.weights = packed.data();
  call.channels = 2;
  call.pixels = 1;
  call.epilogue = &epilogue;
  call.y = reinterpret_cast<std::byte*>(y);
  depthwise_reference(call);
  EXPECT_EQ(y[0], 1 * 1 + 2 * 2 + 10 * 10 + 20 * 20);
  EXPECT_EQ(y[1], 1 * 3 + 2 * 4 + 10 * 30 + 20 * 40);
}

}  // namespace
}  // namespace tessera
