// Nothing in the process survives a session.
#include <gtest/gtest.h>
#include <immintrin.h>
#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <random>
#include <utility>
#include <vector>

#include "cpu/features.hpp"
#include "unit/engine/session_support.hpp"
#include "unit/support/rounds.hpp"

namespace tessera {
namespace {

using testing::SessionTest;

std::ptrdiff_t entries_in(const char* folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

/// Of every signal, and which of them are blocked.
std::array<std::pair<void (*)(int), bool>, 64> signal_handlers() {
  std::array<std::pair<void (*)(int), bool>, 64> handlers{};
  sigset_t blocked;
  ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
  for (std::size_t i = 0; i < handlers.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0) handlers[i].first = action.sa_handler;
    handlers[i].second = ::sigismember(&blocked, number) == 1;
  }
  return handlers;
}

/// The CPUs that the calling thread may run on.
std::vector<bool> affinity() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {};
  std::vector<bool> cpus(CPU_SETSIZE);
  for (std::size_t i = 0; i < cpus.size(); ++i) cpus[i] = CPU_ISSET(i, &set);
  return cpus;
}

/// Whether the tiles of the calling thread hold anything: the CPU says which parts of its state are in use (XGETBV with
/// index 1), and tiles are, from their configuration to TILERELEASE.
bool tiles_in_use() {
  if (!cpu_features().os_tiles) return false;
  constexpr unsigned tile_state = 3U << 17U;
  unsigned low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & tile_state) != 0;
}

TEST_F(SessionTest, AThousandSessionsLeaveNothingBehind) {
  const auto make_and_use = [&](const Model& model, int i) {
    Session session = model.compile({.precision = i % 2 == 0 ? Precision::fp32 : Precision::int8,
                                     .threads = 1 + i % 3,
                                     .streams = 1 + i % 2,
                                     .calibration = {image(1)}});
    if (i % 4 == 0) session.run_async(image(1 + i % 5)).get();
    session.run(image(1));
  };
  // What the program itself makes once (the topology, the CPU) is there after the first.
  { make_and_use(Model::load(path_), 0); }
  const std::ptrdiff_t descriptors = entries_in("/proc/self/fd"), threads = entries_in("/proc/self/task");
  const auto handlers = signal_handlers();
  const std::vector<bool> cpus = affinity();
  const unsigned float_state = _mm_getcsr();
  for (int loads = 0; loads < test::rounds(20); ++loads) {
    const Model model = Model::load(path_);
    for (int i = 0; i < 50; ++i) make_and_use(model, i);
  }
  EXPECT_EQ(entries_in("/proc/self/fd"), descriptors);
  EXPECT_EQ(entries_in("/proc/self/task"), threads);
  EXPECT_EQ(signal_handlers(), handlers);
  EXPECT_EQ(affinity(), cpus);
  EXPECT_FALSE(tiles_in_use());
  EXPECT_EQ(_mm_getcsr() & ~0x3fU, float_state & ~0x3fU);  // the flags of what happened may differ, the modes not
}

/// A network whose output rows depend on the same row of the input alone: any shape is a part of the largest.
Graph row_by_row() {
  testing::Net net;
  const ValueId x = net.input("x", {Dim("batch"), Dim("seq"), 8});
  const ValueId hidden =
      net.op("Relu", {net.op("Add", {net.op("MatMul", {x, net.weight(Shape{8, 16})}), net.weight(Shape{16})})});
  const ValueId y = net.op("Add", {x, net.op("MatMul", {hidden, net.weight(Shape{16, 8})})});
  net.output(net.op("LayerNormalization", {y, net.weight(Shape{8}), net.weight(Shape{8})}));
  infer_shapes(net.graph);
  return net.graph;
}

TEST_F(SessionTest, TenThousandShapesGiveTheirBitsAndLeaveNothingBehind) {
  constexpr std::int64_t most = 100;
  const std::string path = (folder_ / "rows.onnx").string();
  write_onnx(row_by_row(), path);
  Session session = Model::load(path).compile(
      {.threads = 1, .extents = {{"batch", most}, {"seq", most}}, .plan_cache_bytes = std::size_t{1} << 20});
  const Tensor all = testing::random_tensor(Shape{most * most, 8}, 3);
  const auto first_rows = [](const Tensor& rows, std::int64_t batch, std::int64_t seq) {
    Tensor some(DataType::f32, Shape{batch, seq, 8});
    std::memcpy(some.mutable_data(), rows.data(), some.bytes());
    return some;
  };
  const Tensor expected = only(session.run({{"x", first_rows(all, most, most)}}));

  std::vector<std::pair<std::int64_t, std::int64_t>> shapes;
  for (std::int64_t batch = 1; batch <= most; ++batch)
    for (std::int64_t seq = 1; seq <= most; ++seq) shapes.emplace_back(batch, seq);
  std::shuffle(shapes.begin(), shapes.end(), std::mt19937(1));
  std::size_t early = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto [batch, seq] = shapes[i];
    const Tensor y = only(session.run({{"x", first_rows(all, batch, seq)}}));
    ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.bytes()), 0) << batch << " x " << seq;
    if (i == shapes.size() / 5) early = ::mallinfo2().uordblks;
  }
  const MemoryInfo memory = session.memory();
  EXPECT_LE(memory.plans, memory.plan_limit);
  EXPECT_LT(memory.plan_count, shapes.size() / 4) << "plans do go";
  // What is kept varies with the plans that are kept: no more than their bound.
  EXPECT_LT(::mallinfo2().uordblks, early + memory.plan_limit);
}

TEST_F(SessionTest, AWeightFileThatIsCutShortIsAnError) {
  testing::Net net;
  const ValueId x = net.input("x", {1, 256});
  net.output(net.op("MatMul", {x, net.weight(Shape{256, 256})}));
  infer_shapes(net.graph);
  const std::string path = (folder_ / "large.onnx").string();
  write_onnx(net.graph, path);
  const Model model = Model::load(path);
  std::filesystem::resize_file(path, 4096);
  try {
    (void)model.compile({});
    FAIL() << "weights that are gone were packed";
  } catch (const Error& error) {
    EXPECT_EQ(error.subject(), path);
    EXPECT_NE(error.why().find("cut short"), std::string::npos);
  }
}

TEST_F(SessionTest, APlanForMoreMemoryThanThereIsIsRefusedByName) {
  Session session = Model::load(path_).compile({});
  try {
    session.prepare({{"batch", std::int64_t{1} << 36}});
    FAIL() << "a batch of 2^36 was planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    EXPECT_NE(error.subject().find("image"), std::string::npos) << error.what();
  }
  EXPECT_EQ(session.run(image(2)).size(), 1U);  // still usable
}

}  // namespace
}  // namespace tessera
