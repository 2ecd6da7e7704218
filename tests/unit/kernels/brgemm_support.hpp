// One BRGEMM problem as the tests set it up: rows of A scattered with NaN or 0xff around every segment, guard bytes
// around every row of C, several panels, optional K blocks. It is run twice, by a kernel and by the reference, and the
// whole of C is compared.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ostream>
#include <random>
#include <vector>

#include "core/memory.hpp"
#include "kernels/brgemm/brgemm.hpp"
#include "kernels/brgemm/overflow.hpp"
#include "kernels/brgemm/tile_session.hpp"

namespace tessera {

/// For GoogleTest: parameters by their names.
inline void PrintTo(const BrgemmKernel& kernel, std::ostream* out) {
  *out << kernel.name;
}
inline void PrintTo(const BrgemmKernel* kernel, std::ostream* out) {
  *out << kernel->name;
}

}  // namespace tessera

namespace tessera::testing {

/// A kernel's name as GoogleTest takes it.
inline std::string identifier(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == ' '; }, '_');
  return name;
}

struct BrgemmOptions {
  int m = 1;
  int n = 1;
  std::vector<std::int64_t> segment_k = {64};
  std::vector<int> block_segments;  ///< segments in each K block; empty: one block
  DataType c_type = DataType::f32;
  bool has_residual = false;
  DataType residual_type = DataType::f32;
  bool rounds_sum = false;  ///< with a residual
  bool in_steps_of_c = false;
  Activation activation = Activation::none;
  bool has_bias = true;
  bool has_compensation = true;
  bool has_row_scale = false;  ///< int8 only
  Requantize requantize{4.0F, 3};
  bool uneven_rows = false;  ///< rows of A at no constant distance from each other
  /// Whole numbers so small that every order of summation gives the same f32 bits: dot-product hardware can be held to
  /// equality.
  bool small_integers = false;
  int most_weight = 127;        ///< in magnitude, of s8
  bool knows_overflows = true;  ///< for kernels that read marks
  unsigned seed = 1;
};

class BrgemmCase {
 public:
  BrgemmCase(const BrgemmKernel& kernel, const BrgemmOptions& options)
      : kernel_(kernel), options_(options), random_(options.seed) {
    make_a();
    make_b();
    make_epilogue();
  }

  /// C with its guards after `run_block` got every block of the problem, and then `finish` was called.
  template <typename Run>
  std::vector<std::byte> run(const Run& run_block) const {
    return run(run_block, [] {});
  }
  template <typename Run, typename Finish>
  std::vector<std::byte> run(const Run& run_block, const Finish& finish) const {
    std::vector<std::byte> c(c_offset(options_.m) + guard, std::byte{0xa5});
    std::vector<std::byte*> c_rows;
    for (int m = 0; m < options_.m; ++m) c_rows.push_back(c.data() + c_offset(m));
    AlignedBuffer accumulators(static_cast<std::size_t>(options_.m) * kernel_.nr * sizeof(float));
    std::vector<int> blocks = options_.block_segments;
    if (blocks.empty()) blocks.push_back(static_cast<int>(segments_.size()));

    BrgemmBlock block;
    block.a_rows = a_rows_.data();
    block.m = options_.m;
    block.c_rows = c_rows.data();
    block.epilogue = &epilogue_;
    block.accumulators = blocks.size() > 1 ? accumulators.data() : nullptr;
    block.b = b_.data();
    if (options_.knows_overflows && reads_overflows(kernel_)) block.overflows = marks_.data();
    for (block.n0 = 0; block.n0 < options_.n; block.n0 += kernel_.nr) {
      block.n = std::min(kernel_.nr, options_.n - block.n0);
      block.segments = segments_.data();
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        block.segment_count = blocks[i];
        block.first = i == 0;
        block.last = i + 1 == blocks.size();
        run_block(block);
        const auto first = static_cast<std::size_t>(block.segments - segments_.data());
        const auto b_bytes = packed_panel_bytes(
            kernel_, std::span(options_.segment_k).subspan(first, static_cast<std::size_t>(blocks[i])));
        block.b += b_bytes;
        if (block.overflows != nullptr) block.overflows += b_bytes / group_bytes();
        block.segments += blocks[i];
      }
    }
    finish();
    return c;
  }
  /// C with its guards, as computed by kernel.run.
  [[nodiscard]] std::vector<std::byte> run() const {
    return run([this](const BrgemmBlock& block) { kernel_.run(block); });
  }
  /// The same with one session over all blocks.
  std::vector<std::byte> run_in(TileSession& tiles) const {
    return run(
        [&](BrgemmBlock block) {
          block.tiles = &tiles;
          kernel_.run(block);
        },
        [&] { tiles.finish(); });
  }
  /// The same by brgemm_reference.
  [[nodiscard]] std::vector<std::byte> reference() const {
    return run([this](const BrgemmBlock& block) { brgemm_reference(kernel_, block); });
  }

  /// Element (row, column) of what run() or reference() returned.
  template <typename T>
  [[nodiscard]] T at(const std::vector<std::byte>& c, int row, int column) const {
    T value;
    std::memcpy(&value, c.data() + c_offset(row) + static_cast<std::size_t>(column) * sizeof(T), sizeof(T));
    return value;
  }
  /// Sum of |a * b| over k: what bounds of rounding errors are relative to.
  [[nodiscard]] double magnitude(int row, int column) const {
    double sum = 0;
    for (std::int64_t k = 0; k < total_k_; ++k) sum += std::abs(a_value(row, k) * b_value(k, column));
    return sum;
  }

  /// Overwrites all of A and B; the columns of B alternate.
  void fill(std::uint8_t a, std::int8_t b_even_columns, std::int8_t b_odd_columns) {
    for (double& value : a_values_) value = a;
    for (std::size_t i = 0; i < b_values_.size(); ++i)
      b_values_[i] = static_cast<int>(i) % options_.n % 2 == 0 ? b_even_columns : b_odd_columns;
    store_a();
    store_b();
  }
  [[nodiscard]] Epilogue& epilogue() { return epilogue_; }
  [[nodiscard]] std::vector<std::uint8_t>& marks() { return marks_; }

  /// What the residual means and what happens before it is added; rows are left to the caller.
  void set_residual_constants(const BrgemmOptions& options) {
    epilogue_.residual_type = options.residual_type;
    epilogue_.residual = {0.0625F, options.in_steps_of_c ? 0 : 100};
    epilogue_.rounds_sum = options.rounds_sum;
    epilogue_.sum_to_u8 = {options.in_steps_of_c ? 1.0F : 0.7F, 120};
    epilogue_.sum_from_u8 = {0.7F, options.in_steps_of_c ? 0 : 120};
    if (options.in_steps_of_c && options.rounds_sum) epilogue_.requantize.zero_point = 0;
    epilogue_.sum_offset = -3.25F;
  }

 private:
  [[nodiscard]] double a_value(int row, std::int64_t k) const {
    return a_values_[static_cast<std::size_t>(row * total_k_ + k)];
  }
  [[nodiscard]] double b_value(std::int64_t k, int column) const {
    return b_values_[static_cast<std::size_t>(k * options_.n + column)];
  }
  [[nodiscard]] std::size_t c_offset(int row) const { return guard + static_cast<std::size_t>(row) * c_stride(); }
  [[nodiscard]] std::size_t c_stride() const {
    return static_cast<std::size_t>(options_.n) * size_of(options_.c_type) + guard;
  }

  double random_value(DataType type) {
    if (type == DataType::u8) return std::uniform_int_distribution<int>(0, 255)(random_);
    if (type == DataType::s16) return std::uniform_int_distribution<int>(-600, 600)(random_);
    if (type == DataType::s8)
      return std::uniform_int_distribution<int>(-options_.most_weight, options_.most_weight)(random_);
    if (options_.small_integers) return std::uniform_int_distribution<int>(-8, 8)(random_);
    const float value = std::uniform_real_distribution<float>(-1.0F, 1.0F)(random_);
    return static_cast<double>(type == DataType::bf16 ? static_cast<float>(bfloat16(value)) : value);
  }
  static void store(DataType type, std::byte* to, double value) {
    switch (type) {
      case DataType::bf16: return write(to, bfloat16(static_cast<float>(value)));
      case DataType::u8: return write(to, static_cast<std::uint8_t>(value));
      case DataType::s8: return write(to, static_cast<std::int8_t>(value));
      case DataType::s16: return write(to, static_cast<std::int16_t>(value));
      default: return write(to, static_cast<float>(value));
    }
  }
  template <typename T>
  static void write(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof(T));
  }

  void make_a() {
    for (const std::int64_t k : options_.segment_k) total_k_ += k;
    a_values_.resize(static_cast<std::size_t>(options_.m * total_k_));
    for (double& value : a_values_) value = random_value(kernel_.a);
    store_a();
  }
  void store_a() {
    const auto element = static_cast<std::int64_t>(size_of(kernel_.a));
    // Odd distances, so that rows and segments are as badly aligned as their type allows.
    const std::int64_t gap = 3 * element;
    std::int64_t row_bytes = 0;
    segments_.clear();
    for (const std::int64_t k : options_.segment_k) {
      segments_.push_back({row_bytes, k});
      row_bytes += k * element + gap;
    }
    a_ = AlignedBuffer(static_cast<std::size_t>(options_.m * row_bytes + gap));
    std::memset(a_.data(), 0xff, a_.size());  // NaN in f32 and bf16
    a_rows_.clear();
    // Rows in reverse: nothing but the pointers says where they are.
    std::vector<std::int64_t> places;
    for (int m = options_.m - 1; m >= 0; --m) places.push_back(gap + m * row_bytes);
    if (options_.uneven_rows) std::shuffle(places.begin(), places.end(), std::mt19937(options_.seed));
    for (int m = 0; m < options_.m; ++m) {
      std::byte* const row = a_.data() + places[static_cast<std::size_t>(m)];
      a_rows_.push_back(row);
      std::int64_t k0 = 0;
      for (const KSegment& segment : segments_) {
        for (std::int64_t k = 0; k < segment.k; ++k)
          store(kernel_.a, row + segment.a_offset + k * element, a_value(m, k0 + k));
        k0 += segment.k;
      }
    }
  }

  void make_b() {
    b_values_.resize(static_cast<std::size_t>(total_k_ * options_.n));
    for (double& value : b_values_) value = random_value(kernel_.b);
    store_b();
  }
  void store_b() {
    const DataType type = kernel_.b == DataType::bf16 ? DataType::f32 : kernel_.b;
    std::vector<std::byte> plain(b_values_.size() * size_of(type));
    for (std::size_t i = 0; i < b_values_.size(); ++i) store(type, plain.data() + i * size_of(type), b_values_[i]);
    b_ = AlignedBuffer(packed_b_bytes(kernel_, options_.segment_k, options_.n));
    std::memset(b_.data(), 0x7f, b_.size());  // packing must write the padding too
    pack_b(kernel_, {plain.data(), type, total_k_, options_.n, options_.n, 1}, options_.segment_k, b_.data());
    if (reads_overflows(kernel_)) mark();
  }
  [[nodiscard]] std::size_t group_bytes() const { return static_cast<std::size_t>(kernel_.nr * kernel_.k_group); }
  /// As many marks as there are groups: a read beyond them is a read beyond the heap block.
  void mark() {
    const std::size_t panel_bytes = packed_panel_bytes(kernel_, options_.segment_k);
    const std::size_t groups = panel_bytes / group_bytes();
    marks_.resize(b_.size() / group_bytes());
    marks_.shrink_to_fit();
    for (std::size_t first = 0; first < marks_.size(); first += groups)
      mark_overflows(kernel_, b_.data() + first * group_bytes(), static_cast<std::int64_t>(groups),
                     marks_.data() + first);
  }

  void make_epilogue() {
    const auto padded = round_up(static_cast<std::size_t>(options_.n), static_cast<std::size_t>(kernel_.nr));
    for (std::size_t i = 0; i < padded; ++i) {
      bias_.push_back(static_cast<float>(random_value(DataType::bf16)));
      scale_.push_back(1e-4F * static_cast<float>(i % 7 + 1));
      compensation_.push_back(static_cast<std::int32_t>(i * 1000) - 9000);
    }
    if (options_.has_bias) epilogue_.bias = bias_.data();
    if (kernel_.a == DataType::u8 || kernel_.a == DataType::s16) {
      epilogue_.scale = scale_.data();
      if (options_.has_compensation) epilogue_.compensation = compensation_.data();
      for (int m = 0; m < options_.m; ++m) row_scale_.push_back(0.3F + 0.1F * static_cast<float>(m % 9));
      if (options_.has_row_scale) epilogue_.row_scale = row_scale_.data();
    }
    epilogue_.activation = options_.activation;
    epilogue_.c_type = options_.c_type;
    epilogue_.requantize = options_.requantize;
    epilogue_.in_steps_of_c = options_.in_steps_of_c;
    if (!options_.has_residual) return;
    set_residual_constants(options_);
    residual_.resize(static_cast<std::size_t>(options_.m));
    for (auto& row : residual_) {
      // Each row an allocation of its own: a read beyond column n is a read beyond the heap block.
      row.resize(static_cast<std::size_t>(options_.n) * size_of(options_.residual_type));
      for (std::size_t i = 0; i < row.size(); i += size_of(options_.residual_type))
        store(options_.residual_type, row.data() + i, random_value(options_.residual_type));
      residual_rows_.push_back(row.data());
    }
    epilogue_.residual_rows = residual_rows_.data();
  }

  static constexpr std::size_t guard = 64;

  const BrgemmKernel& kernel_;
  BrgemmOptions options_;
  std::mt19937 random_;
  std::int64_t total_k_ = 0;
  std::vector<double> a_values_;  ///< [m][k]
  std::vector<double> b_values_;  ///< [k][n]
  AlignedBuffer a_, b_;
  std::vector<std::uint8_t> marks_;
  std::vector<const std::byte*> a_rows_;
  std::vector<KSegment> segments_;
  std::vector<float> bias_, scale_, row_scale_;
  std::vector<std::int32_t> compensation_;
  std::vector<std::vector<std::byte>> residual_;
  std::vector<const std::byte*> residual_rows_;
  Epilogue epilogue_;
};

}  // namespace tessera::testing
