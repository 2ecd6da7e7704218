// The constants of a machine: what is measured is plausible, and what is chosen of integers follows from them.
#include "compile/choose/machine.hpp"

#include "unit/engine/support.hpp"

namespace tessera {
namespace {

using testing::Net;
using testing::tiers_here;

TEST(MachineConstants, AreTimesOfThisMachine) {
  for (const Isa isa : tiers_here()) {
    const MachineConstants measured = measure_constants(isa);
    const MachineConstants& usual = usual_constants(isa);
    for (const NamedConstant& constant : named_constants) {
      SCOPED_TRACE(std::string(name_of(isa)) + " " + constant.name);
      const double time = measured.*constant.value;
      // Kernels that a tier lacks are missing in both. An emulator may take a million times as long.
      EXPECT_EQ(time == 0, usual.*constant.value == 0);
      EXPECT_GE(time, 0);
      EXPECT_LT(time, 1e9);
    }
    if (measured.bytes != 0) {
      EXPECT_LT(measured.bytes, measured.bytes_widened);
    }
  }
}

/// A machine that somebody says he has measured.
class OnMachine final : public Chooser {
 public:
  explicit OnMachine(const MachineConstants& machine) : machine_(machine) {}
  StepChoice choose(const Graph&, const Node&, const Choice& choice) override { return usual_choice(choice); }
  [[nodiscard]] const MachineConstants* machine() override { return &machine_; }

 private:
  MachineConstants machine_;
};

/// The kernel of a 3x3 convolution in int8 of 14x14 pixels, with small random weights.
std::string kernel_on(const MachineConstants& machine, Isa isa) {
  Net net;
  const ValueId x = net.input("x", {1, 64, 14, 14}, DataType::u8);
  net.graph.value(x).quantization = Quantization{{1.0F}, {0}, -1};
  Tensor taps(DataType::s8, Shape{64, 64, 3, 3});
  for (std::size_t i = 0; i < taps.bytes(); ++i) taps.mutable_data()[i] = static_cast<std::byte>(i * 7919 % 5);
  const ValueId w = net.constant(taps);
  net.graph.value(w).quantization = Quantization{{1.0F}, {0}, -1};
  net.output(net.op("FusedConv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}}));
  infer_shapes(net.graph);
  OnMachine chooser(machine);
  WeightStore weights;
  std::string kernels;
  const auto plan = make_plan(net.graph, isa, weights, 1, &chooser);
  for (const auto& step : plan->steps)
    if (step->info.gflop > 0) kernels += step->info.kernel;
  return kernels;
}

TEST(MachineConstants, DecideTheAlgorithmOfIntegers) {
  MachineConstants machine = usual_constants(Isa::avx2_vnni);
  machine.winograd_input = machine.winograd_output = machine.weight_byte = 0;
  EXPECT_TRUE(kernel_on(machine, Isa::avx2_vnni).ends_with("winograd 4x4")) << "with transforms for nothing";
  machine.weight_byte = 1e6;
  EXPECT_TRUE(kernel_on(machine, Isa::avx2_vnni).starts_with("avx2_vnni-u8s8")) << "with weights from afar";
  machine.weight_byte = 0;
  machine.dot = machine.words / 100;
  EXPECT_TRUE(kernel_on(machine, Isa::avx2_vnni).starts_with("avx2_vnni-u8s8")) << "with very fast dot products";
}

/// bf16 times f32 weights, which the plan rounds.
Graph linear_layer_of_bf16(std::int64_t rows) {
  Net net;
  const ValueId x = net.op("Cast", {net.input("x", {rows, 70})}, {{"to", std::int64_t{16}}});
  net.output(net.op("FusedMatMul", {x, net.weight({70, 50}), net.weight({50})}));
  infer_shapes(net.graph);
  return net.graph;
}

TEST(MachineConstants, DecideHowBf16IsMultiplied) {
  const Graph graph = linear_layer_of_bf16(40);
  const auto kernel_with = [&](double dot, double widened) {
    MachineConstants machine = usual_constants(Isa::avx512_core_bf16);
    machine.bf16_dot = dot;
    machine.bf16_widened = widened;
    OnMachine chooser(machine);
    WeightStore weights;
    return make_plan(graph, Isa::avx512_core_bf16, weights, 1, &chooser)->steps.back()->info.kernel;
  };
  EXPECT_EQ(kernel_with(4, 8), "avx512_core_bf16-bf16-14x32");
  EXPECT_EQ(kernel_with(25, 13), "avx512_core-f32bf16-14x32");
  EXPECT_EQ(kernel_with(10, 9), "avx512_core_bf16-bf16-14x32") << "which may be noise";
}

TEST(MachineConstants, Bf16ThatIsWidenedHasTheBitsOfTiersWithoutDotProducts) {
  if (why_unavailable(cpu_features(), Isa::avx512_core_bf16)) GTEST_SKIP() << "no dot products of bf16 here";
  MachineConstants machine = usual_constants(Isa::avx512_core_bf16);
  machine.bf16_dot = 2 * machine.bf16_widened;
  OnMachine chooser(machine);
  const auto run = [&](std::int64_t rows, Isa isa, Chooser* by) {
    const Graph graph = linear_layer_of_bf16(rows);
    WeightStore weights;
    Executor executor(make_plan(graph, isa, weights, 1, by), 1, {});
    const Tensor x = testing::random_tensor({rows, 70}, 3);
    std::memcpy(executor.inputs()[0].data, x.data(), x.bytes());
    executor.infer();
    const BoundPort& y = executor.outputs()[0];
    return std::vector<std::byte>(y.data, y.data + y.bytes());
  };
  for (const std::int64_t rows : {40, 3})  // a part of a batch has fewer rows, and the same bits
    EXPECT_TRUE(run(rows, Isa::avx512_core_bf16, &chooser) == run(rows, Isa::avx2, nullptr)) << rows << " rows";
}

}  // namespace
}  // namespace tessera
