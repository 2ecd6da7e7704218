// The machine's constants by a stopwatch, each by the kernels that plans use: the least of many short slices, because
// what disturbs a slice only makes it longer.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <vector>

#include "compile/choose/machine.hpp"
#include "core/memory.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/brgemm/overflow.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "kernels/matched/match.hpp"
#include "kernels/peak/tile_clock.hpp"
#include "kernels/vector_kernels.hpp"

namespace tessera {
namespace {

/// Of a slice, and of all slices of one constant; where even one takes longer than that, there are only a few.
constexpr double slice_seconds = 50e-6, enough_seconds = 4e-3;
constexpr int least_slices = 3;

struct Measured {
  double picoseconds = 0;
  bool disturbed = false;  ///< every slice (kernels/peak/tile_clock.hpp)
};

/// Of `work`, which does one thing `units` times.
template <class Work>
Measured measure(double units, Work work, bool with_tiles) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_of = [&](std::int64_t times) {
    const auto start = Clock::now();
    for (std::int64_t i = 0; i < times; ++i) work();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::int64_t times = 1;
  while (seconds_of(times) < slice_seconds) times *= 2;
  LeastTimes slices(with_tiles);
  double spent = 0;
  for (int slice = 0; slice < least_slices || spent < enough_seconds; ++slice) {
    const double seconds = seconds_of(times);
    slices.add(seconds);
    spent += seconds;
  }
  const LeastTime least = slices.least();
  return {least.seconds * 1e12 / (static_cast<double>(times) * units), least.disturbed};
}

/// The same without tiles.
template <class Work>
double picoseconds(double units, Work work) {
  return measure(units, work, false).picoseconds;
}

/// A product of `panels` panels of ones with `rows` rows of ones.
class Product {
 public:
  Product(const BrgemmKernel& kernel, int rows, std::int64_t k, std::int64_t panels)
      : kernel_(kernel),
        panels_(panels),
        segment_{0, k},
        a_(static_cast<std::size_t>(rows * k) * size_of(kernel.a)),
        b_(static_cast<std::size_t>(panels) * packed_k_bytes(kernel, k)),
        sums_(static_cast<std::size_t>(rows * kernel.nr) * sizeof(std::int32_t)),
        marks_(static_cast<std::size_t>(k / kernel.k_group)) {
    std::memset(a_.data(), 1, a_.size());
    std::memset(b_.data(), 1, b_.size());
    rows_.reserve(static_cast<std::size_t>(rows));
    for (int row = 0; row < rows; ++row)
      rows_.push_back(a_.data() + static_cast<std::size_t>(row * k) * size_of(kernel.a));
  }

  [[nodiscard]] double multiply_adds() const {
    return static_cast<double>(rows_.size()) * static_cast<double>(segment_.k * panels_ * kernel_.nr);
  }
  [[nodiscard]] double weight_bytes() const { return static_cast<double>(b_.size()); }
  void mark(std::uint8_t mark) { std::ranges::fill(marks_, mark); }

  void run(TileSession* tiles = nullptr) {
    BrgemmBlock block;
    block.tiles = tiles;
    block.a_rows = rows_.data();
    block.m = static_cast<int>(rows_.size());
    block.segments = &segment_;
    block.segment_count = 1;
    block.n = kernel_.nr;
    block.overflows = marks_.data();
    block.accumulators = sums_.data();
    block.last = false;
    const std::size_t panel_bytes = b_.size() / static_cast<std::size_t>(panels_);
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      block.b = b_.data() + static_cast<std::size_t>(panel) * panel_bytes;
      kernel_.run(block);
    }
  }

 private:
  const BrgemmKernel& kernel_;
  std::int64_t panels_;
  KSegment segment_;
  AlignedBuffer a_, b_, sums_;
  std::vector<std::uint8_t> marks_;
  std::vector<const std::byte*> rows_;
};

/// k of the panels: they stay in L1 beside the rows of a tile.
constexpr std::int64_t short_k = 256;

double measure_multiply_add(const BrgemmKernel& kernel, std::uint8_t mark = 0) {
  Product product(kernel, 4 * kernel.mr, short_k, 1);
  product.mark(mark);
  return picoseconds(product.multiply_adds(), [&] { product.run(); });
}

/// The whole time of a product with one row: far fewer multiply-adds than a core could do while the bytes arrive.
double measure_weight_byte(const BrgemmKernel& kernel) {
  constexpr std::int64_t beyond_caches = std::int64_t{32} << 20;
  const auto panel_bytes = static_cast<std::int64_t>(packed_k_bytes(kernel, short_k));
  Product product(kernel, 1, short_k, beyond_caches / panel_bytes);
  return picoseconds(product.weight_bytes(), [&] { product.run(); });
}

void measure_tiles(Isa isa, MachineConstants& machine) {
  const BrgemmKernel& kernel = *find_brgemm(DataType::u8, DataType::s8, isa, 1);
  const auto with_tiles = [&machine](double units, auto work) {
    const Measured measured = measure(units, work, true);
    machine.disturbed = machine.disturbed || measured.disturbed;
    return measured.picoseconds;
  };
  // Four products for each 64 bytes of k. A session ends before the clock runs its steps: that configures tiles, too.
  constexpr std::int64_t products = 4 * short_k / 64, calls = 64;
  const auto product_of = [&](int rows) {
    Product product(kernel, rows, short_k, 1);
    return with_tiles(static_cast<double>(calls * products), [&] {
      TileSession tiles;
      for (std::int64_t call = 0; call < calls; ++call) product.run(&tiles);
    });
  };
  machine.tile_product_16 = product_of(16);
  machine.tile_product_8 = product_of(8);
  machine.tile_product_1 = product_of(1);
  Product product(kernel, 1, short_k, 1);
  const double alone = with_tiles(1, [&] { product.run(); });
  machine.tile_configuration = std::max(1.0, alone - static_cast<double>(products) * machine.tile_product_1);
  machine.dot = measure_multiply_add(*find_brgemm(DataType::u8, DataType::s8, Isa::avx512_core_vnni));
}

void measure_bf16(Isa isa, MachineConstants& machine) {
  machine.bf16_dot = measure_multiply_add(*find_brgemm(DataType::bf16, DataType::bf16, isa));
  machine.bf16_widened = measure_multiply_add(*find_brgemm(DataType::f32, DataType::bf16, isa));
}

/// A tile of rows times columns of ones, whose groups all find another.
double measure_matched(const MatchedBytes& kernels) {
  constexpr std::int64_t rows = most_matched_vectors * 8, groups = short_k / matched::group_k;
  AlignedBuffer a(rows * short_k), sums(rows * matched_columns * sizeof(std::int32_t));
  std::memset(a.data(), 1, a.size());
  const std::vector<std::int8_t> column(short_k, 1);
  std::vector<MatchedGroups> lists(matched_columns * 2 * groups + 1);
  std::vector<std::uint32_t> starts = {0};
  for (int i = 0; i < matched_columns; ++i)
    starts.push_back(starts.back() + static_cast<std::uint32_t>(matched::match_column(
                                         column.data(), static_cast<int>(groups), lists.data() + starts.back())));
  const MatchedCall call{a.data(), most_matched_vectors, lists.data(), starts.data(), sums.data(), true};
  return picoseconds(static_cast<double>(rows * short_k * matched_columns), [&] { kernels.multiply(call); });
}

/// Of a tile.
constexpr std::int64_t channels = 128;

double measure_input(const WinogradTransforms& transforms) {
  const int elements = transforms.elements();
  AlignedBuffer pixels(static_cast<std::size_t>(elements) * channels);
  AlignedBuffer v(static_cast<std::size_t>(elements) * channels * sizeof(std::int16_t));
  std::vector<const std::byte*> pointers;
  pointers.reserve(static_cast<std::size_t>(elements));
  for (int e = 0; e < elements; ++e) pointers.push_back(pixels.data() + e * channels);
  return picoseconds(static_cast<double>(elements) * channels, [&] {
    transforms.input({pointers.data(), v.data(), channels * static_cast<std::int64_t>(sizeof(std::int16_t)), channels});
  });
}

double measure_output(const WinogradTransforms& transforms) {
  const int elements = transforms.elements();
  constexpr std::int64_t row = channels * static_cast<std::int64_t>(sizeof(std::int32_t));
  AlignedBuffer m(static_cast<std::size_t>(elements * row));
  AlignedBuffer sums(static_cast<std::size_t>(transforms.side * transforms.side * row));
  return picoseconds(static_cast<double>(elements) * channels, [&] {
    transforms.output({m.data(), row, sums.data(), row, channels});
  });
}

double measure_weights(const WinogradTransforms& transforms) {
  constexpr std::int64_t groups = 32, lanes = 64;
  AlignedBuffer taps(9 * groups * lanes);
  // A line more: as in a layer, lest matrices share L1 sets.
  constexpr std::int64_t matrix = groups * lanes * static_cast<std::int64_t>(sizeof(std::int16_t)) + 64;
  AlignedBuffer transformed(static_cast<std::size_t>(transforms.matrices() * matrix));
  return picoseconds(static_cast<double>(transforms.matrices() * groups * lanes), [&] {
    transforms.taps({taps.data(), groups, lanes, transformed.data(), matrix});
  });
}

}  // namespace

MachineConstants measure_constants(Isa isa) {
  const VectorKernels& vector = vector_kernels(isa);
  const BrgemmKernel& words = *find_brgemm(DataType::s16, DataType::s16, isa);
  const BrgemmKernel& bytes = *find_brgemm(DataType::u8, DataType::s8, isa);
  MachineConstants machine;
  machine.words = measure_multiply_add(words);
  if (reads_overflows(bytes)) {
    machine.bytes = measure_multiply_add(bytes);
    machine.bytes_in_pairs = measure_multiply_add(bytes, overflow::in_fours);
    machine.bytes_widened = measure_multiply_add(bytes, overflow::anything);
    if (vector.matched_bytes != nullptr) machine.bytes_matched = measure_matched(*vector.matched_bytes);
  } else if (has_tiles(bytes.isa)) {
    measure_tiles(isa, machine);
  } else if (has_int8_dot(bytes.isa)) {
    machine.dot = measure_multiply_add(bytes);
  }
  if (has_bf16_dot(isa) && !has_tiles(isa)) measure_bf16(isa, machine);
  machine.winograd_input = measure_input(vector.winograd_int8);
  machine.winograd_output = measure_output(vector.winograd_int8);
  machine.winograd_weight = measure_weights(vector.winograd_int8);
  machine.weight_byte = measure_weight_byte(words);
  return machine;
}

const MachineConstants& bf16_constants_here() {
  static const MachineConstants here = [] {
    MachineConstants machine;
    measure_bf16(Isa::avx512_core_bf16, machine);
    return machine;
  }();
  return here;
}

}  // namespace tessera
