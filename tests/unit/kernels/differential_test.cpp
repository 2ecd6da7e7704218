// Random problems: every BRGEMM kernel, and the AMX kernels on plain tiles, against the avx2 kernel of its types, and
// that one against the scalar definition. Integers and f32 chains must agree bit for bit, kernels with bf16 dot
// products within a bound derived from the number of roundings.
//
// TESSERA_DIFFERENTIAL_ROUNDS sets the number of problems; a round is its own seed, so a failure says how to repeat it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "cpu/features.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "unit/kernels/brgemm_support.hpp"
#include "unit/kernels/brgemm_tiles/kernels.hpp"

namespace tessera::testing {
namespace {

unsigned rounds() {
  const char* const wanted = std::getenv("TESSERA_DIFFERENTIAL_ROUNDS");
  return wanted == nullptr ? 150 : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

/// Everything about a problem that is the same for all kernels; values of A and B follow from options.seed.
struct Problem {
  BrgemmOptions options;
  bool in_one_tile_session = false;
  std::vector<int> a_row_of;  ///< row m multiplies this row of A: rows may repeat and lie at any distance
  std::vector<int> groups;    ///< rows of each call
  std::vector<std::vector<std::byte>> residual;
};

class ProblemMaker {
 public:
  explicit ProblemMaker(unsigned seed) : random_(seed) { made_.options.seed = seed; }

  Problem make() {
    shape();
    epilogue();
    rows();
    made_.options.most_weight = one_of({127, 64, 30});
    made_.options.knows_overflows = !one_in(8);
    if (made_.options.has_residual) residual();
    return std::move(made_);
  }

 private:
  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool one_in(int n) { return between(1, n) == 1; }
  template <typename T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[between(0, static_cast<int>(values.size()) - 1)];
  }

  void shape() {
    BrgemmOptions& o = made_.options;
    // Whole blocks and panels as often as their neighbours, of any kernel.
    o.m = one_in(2) ? between(1, 70) : std::max(1, one_of({6, 14, 16, 28, 32, 64}) + between(-1, 1));
    o.n = one_in(2) ? between(1, 80) : std::max(1, one_of({16, 32, 48, 64}) + between(-1, 1));
    const int longest = one_of({8, 40, 160, 700});
    const auto length = [&] {
      const int k = between(1, longest);
      return std::int64_t{one_in(2) ? k : (k + 15) / 16 * 16};
    };
    const int segments = one_in(3) ? 1 : between(2, longest > 40 ? 4 : 9);
    o.segment_k.assign(1, length());
    const bool like_a_convolution = one_in(2);
    while (static_cast<int>(o.segment_k.size()) < segments)
      o.segment_k.push_back(like_a_convolution ? o.segment_k.front() : length());
    if (one_in(2)) return;
    for (int left = segments; left > 0; left -= o.block_segments.back()) o.block_segments.push_back(between(1, left));
  }

  void epilogue() {
    BrgemmOptions& o = made_.options;
    o.c_type = one_of({DataType::f32, DataType::bf16, DataType::u8});
    o.has_residual = one_in(2);
    o.residual_type = one_of({DataType::f32, DataType::bf16, DataType::u8});
    o.activation = one_of({Activation::none, Activation::relu, Activation::gelu, Activation::tanh});
    o.has_bias = !one_in(4);
    o.has_compensation = !one_in(4);
    o.has_row_scale = one_in(4);
    o.requantize = {one_of({4.0F, 0.3F, 0.05F}), between(0, 255)};
    const bool ends_in_bytes = o.c_type == DataType::u8 && (!o.has_residual || o.residual_type == DataType::u8);
    if (ends_in_bytes && one_in(2)) count_in_steps_of_c();
  }

  void count_in_steps_of_c() {
    BrgemmOptions& o = made_.options;
    o.in_steps_of_c = true;
    o.rounds_sum = o.has_residual && one_in(2);
    o.has_row_scale = false;
    o.activation = one_of({Activation::none, Activation::relu});
    o.requantize = {1, o.activation == Activation::relu ? 0 : between(0, 255)};
  }

  void rows() {
    const int m = made_.options.m;
    made_.options.uneven_rows = one_in(4);
    made_.in_one_tile_session = one_in(2);
    made_.a_row_of.resize(static_cast<std::size_t>(m));
    std::iota(made_.a_row_of.begin(), made_.a_row_of.end(), 0);
    if (one_in(4)) made_.a_row_of[static_cast<std::size_t>(between(0, m - 1))] = between(0, m - 1);
    if (one_in(8)) std::ranges::generate(made_.a_row_of, [&] { return between(0, m - 1); });
    const int most = one_in(2) ? m : between(1, m);
    for (int left = m; left > 0; left -= made_.groups.back()) made_.groups.push_back(std::min(left, most));
  }

  /// One allocation per row: what is read beyond column n is beyond the heap block.
  void residual() {
    const BrgemmOptions& o = made_.options;
    const std::size_t size = size_of(o.residual_type);
    for (int m = 0; m < o.m; ++m) {
      auto& row = made_.residual.emplace_back(static_cast<std::size_t>(o.n) * size);
      for (std::size_t at = 0; at < row.size(); at += size) {
        const auto value = static_cast<float>(between(-400, 400)) / 100;
        const bfloat16 rounded(value);
        const auto byte = static_cast<std::uint8_t>(between(0, 255));
        const void* const source = o.residual_type == DataType::f32    ? static_cast<const void*>(&value)
                                   : o.residual_type == DataType::bf16 ? static_cast<const void*>(&rounded)
                                                                       : &byte;
        std::memcpy(row.data() + at, source, size);
      }
    }
  }

  std::mt19937 random_;
  Problem made_;
};

void PrintTo(const Problem& problem, std::ostream* out) {
  const BrgemmOptions& o = problem.options;
  *out << "round " << o.seed << ": m " << o.m << " n " << o.n << " segments";
  for (const std::int64_t k : o.segment_k) *out << ' ' << k;
  *out << " blocks";
  for (const int segments : o.block_segments) *out << ' ' << segments;
  *out << " rows per call " << problem.groups.front() << (o.uneven_rows ? " uneven" : "") << " c " << name_of(o.c_type)
       << " residual " << (o.has_residual ? name_of(o.residual_type) : "none") << " activation "
       << static_cast<int>(o.activation) << (o.has_bias ? " bias" : "") << (o.has_compensation ? " compensation" : "")
       << (o.has_row_scale ? " row scale" : "") << (problem.in_one_tile_session ? " tile session" : "")
       << " weights up to " << o.most_weight << (o.knows_overflows ? "" : " unknown overflows");
}

/// A problem laid out for one kernel.
class Layout {
 public:
  Layout(const BrgemmKernel& kernel, const Problem& problem)
      : kernel_(kernel), problem_(problem), setup_(kernel, without_residual(problem.options)) {
    for (const auto& row : problem_.residual) residual_rows_.push_back(row.data());
    if (problem_.residual.empty()) return;
    setup_.set_residual_constants(problem_.options);
    setup_.epilogue().residual_rows = residual_rows_.data();
  }

  [[nodiscard]] std::vector<std::byte> by_kernel() const {
    TileSession tiles;
    return c(
        [&](BrgemmBlock& block) {
          if (problem_.in_one_tile_session) block.tiles = &tiles;
          kernel_.run(block);
        },
        [&] { tiles.finish(); });
  }
  [[nodiscard]] std::vector<std::byte> by_definition() const {
    return c([&](const BrgemmBlock& block) { brgemm_reference(kernel_, block); }, [] {});
  }

  [[nodiscard]] double value(const std::vector<std::byte>& c, int row, int column) const {
    switch (problem_.options.c_type) {
      case DataType::bf16: return static_cast<double>(static_cast<float>(setup_.at<bfloat16>(c, row, column)));
      case DataType::u8: return setup_.at<std::uint8_t>(c, row, column);
      default: return setup_.at<float>(c, row, column);
    }
  }
  /// How far two f32 chains over the same bf16 products may be apart in this element of C, in any order of summation.
  [[nodiscard]] double dot_product_bound(int row, int column, double expected) const {
    const BrgemmOptions& o = problem_.options;
    const double k = static_cast<double>(std::accumulate(o.segment_k.begin(), o.segment_k.end(), std::int64_t{0}));
    constexpr double unit = std::numeric_limits<float>::epsilon() / 2;
    // Higham's gamma: at most two roundings per product, one each for bias and residual, on each side; and hardware dot
    // products flush denormals.
    const double roundings = (2 * k + 2) * unit;
    const double bias = 1, residual = o.has_residual ? 0.0625 * 155 : 0;
    const double magnitude = setup_.magnitude(problem_.a_row_of[static_cast<std::size_t>(row)], column);
    double bound =
        2 * (roundings / (1 - roundings) * (magnitude + bias + residual) + 2 * k * std::numeric_limits<float>::min());
    // GELU is the steepest activation; simd/math.hpp promises 3 ulp of the operand, or less.
    if (o.activation == Activation::gelu || o.activation == Activation::tanh)
      bound = 1.13 * bound + 2 * 7 * std::numeric_limits<float>::epsilon() * (magnitude + bias + residual);
    // Conversions round both sides, by at most half a unit in the last place.
    constexpr double bf16_unit = 0x1p-8;
    if (o.c_type == DataType::bf16) bound += 2 * bf16_unit * (std::abs(expected) / (1 - bf16_unit) + bound);
    if (o.c_type == DataType::u8) bound = bound / static_cast<double>(o.requantize.scale) + 2 * (0.5 + 256 * unit);
    return bound;
  }

 private:
  /// The whole of C. `run` gets the calls that a plan would make, whose arrays live until `finish` was called.
  template <typename Run, typename Finish>
  [[nodiscard]] std::vector<std::byte> c(const Run& run, const Finish& finish) const {
    std::vector<const std::byte*> a_rows(problem_.a_row_of.size());
    std::vector<Epilogue> epilogues(problem_.groups.size());
    const auto run_groups = [&](const BrgemmBlock& whole) {
      std::ranges::transform(problem_.a_row_of, a_rows.begin(), [&](int row) { return whole.a_rows[row]; });
      int row = 0;
      for (std::size_t i = 0; i < problem_.groups.size(); ++i) {
        BrgemmBlock block = whole;
        block.m = problem_.groups[i];
        block.a_rows = a_rows.data() + row;
        block.c_rows += row;
        if (block.accumulators != nullptr) block.accumulators += row * kernel_.nr * 4;
        Epilogue& epilogue = epilogues[i];
        epilogue = *whole.epilogue;
        if (epilogue.residual_rows != nullptr) epilogue.residual_rows += row;
        if (epilogue.row_scale != nullptr) epilogue.row_scale += row;
        block.epilogue = &epilogue;
        run(block);
        row += block.m;
      }
    };
    return setup_.run(run_groups, finish);
  }

  static BrgemmOptions without_residual(BrgemmOptions options) {
    options.has_residual = false;  // BrgemmCase's would depend on the kernel's panel width
    return options;
  }

  const BrgemmKernel& kernel_;
  const Problem& problem_;
  BrgemmCase setup_;
  std::vector<const std::byte*> residual_rows_;
};

class BrgemmDifferential : public ::testing::TestWithParam<const BrgemmKernel*> {
 protected:
  void SetUp() override {
    if (const auto reason = why_unavailable(cpu_features(), kernel().isa))
      GTEST_SKIP() << kernel().name << ": " << *reason;
  }
  static const BrgemmKernel& kernel() { return *GetParam(); }
  static const BrgemmKernel& peer() { return *find_brgemm(kernel().a, kernel().b, Isa::avx2); }

  static void compare(Problem problem) {
    const bool is_its_own_peer = &kernel() == &peer();
    // The definition takes these functions from another library; brgemm_test.cpp bounds the difference.
    if (is_its_own_peer && problem.options.activation > Activation::relu) problem.options.activation = Activation::none;
    const Layout ours(kernel(), problem), theirs(peer(), problem);
    const auto actual = ours.by_kernel();
    const auto expected = is_its_own_peer ? theirs.by_definition() : theirs.by_kernel();
    const bool has_dot_rounding = kernel().a == DataType::bf16 && has_bf16_dot(kernel().isa);
    if (!has_dot_rounding || problem.options.small_integers) {
      ASSERT_TRUE(actual == expected) << kernel().name << ' ' << ::testing::PrintToString(problem);
      return;
    }
    for (int m = 0; m < problem.options.m; ++m) {
      for (int n = 0; n < problem.options.n; ++n) {
        const double value = theirs.value(expected, m, n);
        ASSERT_NEAR(ours.value(actual, m, n), value, ours.dot_product_bound(m, n, value))
            << kernel().name << " row " << m << " column " << n << ' ' << ::testing::PrintToString(problem);
      }
    }
  }
};

TEST_P(BrgemmDifferential, AgreesOnRandomProblems) {
  for (unsigned round = 0; round < rounds() && !HasFatalFailure(); ++round) {
    Problem problem = ProblemMaker(round).make();
    compare(problem);
    if (kernel().a != DataType::bf16 || HasFatalFailure()) continue;
    // Sums of small whole numbers are exact in any order: now every kernel must give the same bits.
    problem.options.small_integers = true;
    compare(std::move(problem));
  }
}

std::vector<const BrgemmKernel*> kernels() {
  std::vector<const BrgemmKernel*> pointers;
  for (const BrgemmKernel& kernel : all_brgemm()) pointers.push_back(&kernel);
  for (const BrgemmKernel& kernel : plain_tile_kernels()) pointers.push_back(&kernel);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(Kernels, BrgemmDifferential, ::testing::ValuesIn(kernels()),
                         [](const auto& kernel) { return identifier(kernel.param->name); });

}  // namespace
}  // namespace tessera::testing
