#include "run/steps/attention_step.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/memory.hpp"
#include "kernels/brgemm/tile_session.hpp"
#include "tessera/bfloat16.hpp"

namespace tessera {
namespace {

/// Queries handled together: their scores (48 x 512 keys in f32) take 96 KiB, so that they and the head's panels stay
/// in L2. CPUs with tiles have a larger one; whole tiles keep one configuration.
constexpr int most_rows = 64;
constexpr int row_block_of(const BrgemmKernel& kernel) {
  return has_tiles(kernel.isa) ? most_rows : 48;
}
/// What the s8 of a panel stand for as u8: the kernels multiply by x - 128.
constexpr std::int32_t middle = 128;

std::int64_t padded(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Between rows in scratch: an odd number of cache lines, so that rows never share L1 sets.
std::int64_t row_stride(std::int64_t elements, DataType type) {
  const std::size_t lines = round_up(static_cast<std::size_t>(elements) * size_of(type), cache_line) / cache_line;
  return static_cast<std::int64_t>((lines | 1) * cache_line);
}

std::int64_t panel_bytes(const BrgemmKernel& kernel, std::int64_t k) {
  return padded(k, kernel.k_group) * kernel.nr * static_cast<std::int64_t>(size_of(kernel.b));
}

}  // namespace

AttentionStep::AttentionStep(const BrgemmKernel& scores, const BrgemmKernel& context, const VectorKernels& vector,
                             const AttentionSpec& spec)
    : scores_(scores), context_(context), vector_(vector), spec_(spec), row_block_(row_block_of(scores)) {
  key_panels_ = padded(spec.keys, scores.nr) / scores.nr;
  value_panels_ = padded(spec.head_size, context.nr) / context.nr;
  key_panel_bytes_ = panel_bytes(scores, spec.head_size);
  value_panel_bytes_ = panel_bytes(context, spec.keys);
  score_block_bytes_ = std::int64_t{row_block_} * scores.nr * static_cast<std::int64_t>(sizeof(float));
  weight_stride_ = row_stride(spec.keys, spec.context_in ? DataType::u8 : context.a);
  wide_stride_ = row_stride(spec.keys, DataType::s16);
  query_stride_ = row_stride(spec.head_size, scores.a);

  std::size_t at = 0;
  const auto reserve = [&at](std::int64_t bytes) {
    const std::size_t start = at;
    at += round_up(static_cast<std::size_t>(bytes) + buffer_slack, cache_line);
    return start;
  };
  areas_.k_panels = reserve(key_panels_ * key_panel_bytes_);
  areas_.v_panels = reserve(value_panels_ * value_panel_bytes_);
  areas_.scores = reserve(key_panels_ * score_block_bytes_);
  areas_.weights = reserve(row_block_ * weight_stride_);
  const bool integers = spec.scores_in || spec.context_in;
  const std::int64_t quantized_rows = std::max<std::int64_t>(row_block_, spec.keys);
  if (integers) areas_.bytes = reserve(quantized_rows * row_stride(spec.head_size, DataType::u8));
  if (spec.scores_in) {
    areas_.q = reserve(row_block_ * query_stride_);
    areas_.compensation = reserve(padded(spec.keys, 16) * static_cast<std::int64_t>(sizeof(std::int32_t)));
  }
  if (spec.context_in) {
    if (context.a == DataType::s16) areas_.wide_weights = reserve(row_block_ * wide_stride_);
    areas_.corrections = reserve(row_block_ * spec.head_size * static_cast<std::int64_t>(sizeof(float)));
    context_scale_.assign(static_cast<std::size_t>(value_panels_ * context.nr),
                          spec.context_in->left.scale * spec.context_in->right.scale);
  }
  scratch_bytes_ = at;
}

AttentionStep::Rows AttentionStep::rows_of(const RunContext& context, const AttentionSpec::Tokens& tokens,
                                           std::int64_t token, std::int64_t head) const noexcept {
  const std::int64_t column = head * spec_.head_size * static_cast<std::int64_t>(size_of(spec_.type));
  return {context.at(tokens.buffer) + tokens.offset + token * tokens.stride + column, tokens.stride};
}

AttentionStep::Rows AttentionStep::quantize(const RunContext& context, Rows rows, std::int64_t count,
                                            const Dequantize& as) const noexcept {
  const std::int64_t stride = row_stride(spec_.head_size, DataType::u8);
  ConvertCall call;
  call.x = {rows.data, rows.stride, spec_.type, {}};
  call.y = {context.scratch + areas_.bytes, stride, DataType::u8, {as.scale, as.zero_point}};
  call.rows = count;
  call.n = spec_.head_size;
  vector_.convert(call);
  return {call.y.data, stride};
}

void AttentionStep::pack_head(const RunContext& context, std::int64_t batch, std::int64_t head) const noexcept {
  pack_keys(context, rows_of(context, spec_.k, batch * spec_.keys, head));
  pack_values(context, rows_of(context, spec_.v, batch * spec_.keys, head));
}

void AttentionStep::pack_keys(const RunContext& context, Rows keys) const noexcept {
  PackCall call;
  call.type = spec_.type;
  if (spec_.scores_in) {
    keys = quantize(context, keys, spec_.keys, spec_.scores_in->right);
    call.type = DataType::u8;
    compensate(context);
  }
  call.data = keys.data;
  call.k = spec_.head_size;
  call.n = spec_.keys;
  call.k_stride = static_cast<std::int64_t>(size_of(call.type));
  call.n_stride = keys.stride;
  call.nr = scores_.nr;
  call.k_group = scores_.k_group;
  call.target = context.scratch + areas_.k_panels;
  call.last_panel = key_panels_;
  vector_.pack(call);
}

/// Takes the zero point of Q out of the scores: it meets every element of a key.
void AttentionStep::compensate(const RunContext& context) const noexcept {
  auto* const compensation = reinterpret_cast<std::int32_t*>(context.scratch + areas_.compensation);
  const std::int64_t stride = row_stride(spec_.head_size, DataType::u8);
  for (std::int64_t key = 0; key < spec_.keys; ++key) {
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(context.scratch + areas_.bytes + key * stride);
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < spec_.head_size; ++i) sum += bytes[i];
    compensation[key] = -spec_.scores_in->left.zero_point * (sum - middle * static_cast<std::int32_t>(spec_.head_size));
  }
}

void AttentionStep::pack_values(const RunContext& context, Rows values) const noexcept {
  PackCall call;
  call.type = spec_.type;
  if (spec_.context_in) {
    values = quantize(context, values, spec_.keys, spec_.context_in->right);
    call.type = DataType::u8;
  }
  call.data = values.data;
  call.k = spec_.keys;
  call.n = spec_.head_size;
  call.k_stride = values.stride;
  call.n_stride = static_cast<std::int64_t>(size_of(call.type));
  call.nr = context_.nr;
  call.k_group = context_.k_group;
  call.target = context.scratch + areas_.v_panels;
  call.last_panel = value_panels_;
  vector_.pack(call);
}

AttentionStep::Rows AttentionStep::query_rows(const RunContext& context, Rows rows, int count) const noexcept {
  if (!spec_.scores_in) return rows;
  const Rows bytes = quantize(context, rows, count, spec_.scores_in->left);
  if (scores_.a == DataType::u8) return bytes;
  std::byte* const wide = context.scratch + areas_.q;
  for (int i = 0; i < count; ++i)
    vector_.widen({.x = bytes.data + i * bytes.stride, .y = wide + i * query_stride_, .n = spec_.head_size});
  return {wide, query_stride_};
}

void AttentionStep::multiply_keys(const RunContext& context, TileSession& tiles, Rows queries,
                                  int rows) const noexcept {
  std::array<const std::byte*, most_rows> q;
  for (int i = 0; i < rows; ++i) q[static_cast<std::size_t>(i)] = queries.data + i * queries.stride;
  const KSegment over_head{0, spec_.head_size};
  BrgemmBlock block;
  block.a_rows = q.data();
  block.m = rows;
  block.segments = &over_head;
  block.segment_count = 1;
  block.tiles = &tiles;
  block.last = false;  // no epilogue: the sums are the scores
  for (std::int64_t panel = 0; panel < key_panels_; ++panel) {
    block.b = context.scratch + areas_.k_panels + panel * key_panel_bytes_;
    block.n0 = static_cast<int>(panel * scores_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(scores_.nr, spec_.keys - block.n0));
    block.accumulators = context.scratch + areas_.scores + panel * score_block_bytes_;
    scores_.run(block);
  }
  tiles.finish();
}

void AttentionStep::softmax(const RunContext& context, std::int64_t batch, std::int64_t head, std::int64_t first,
                            int rows) const noexcept {
  SoftmaxCall call;
  call.x = {context.scratch + areas_.scores, scores_.nr * static_cast<std::int64_t>(sizeof(float)), DataType::f32, {}};
  call.block_columns = scores_.nr;
  call.block_stride = score_block_bytes_;
  call.y = {context.scratch + areas_.weights, weight_stride_, context_.a, {}};
  call.scale = spec_.scale;
  if (spec_.scores_in) {
    call.x.type = DataType::s32;
    call.compensation = reinterpret_cast<const std::int32_t*>(context.scratch + areas_.compensation);
    call.scale *= spec_.scores_in->left.scale * spec_.scores_in->right.scale;
  }
  if (spec_.context_in) {
    call.y.type = DataType::u8;
    call.y.quantization = {spec_.context_in->left.scale, 0};
  }
  if (spec_.mask != no_buffer) {
    call.mask = reinterpret_cast<const float*>(context.at(spec_.mask)) + batch * spec_.mask_batch_stride +
                head * spec_.mask_head_stride + first * spec_.mask_query_stride;
    call.mask_stride = spec_.mask_query_stride;
  }
  call.rows = rows;
  call.n = spec_.keys;
  vector_.softmax(call);
  if (spec_.nan_is_zero) clear_nan(call.y.data, rows);
}

/// One NaN among the scores makes the sum of a row NaN, and so all of the row: its first element tells.
void AttentionStep::clear_nan(std::byte* weights, int rows) const noexcept {
  const std::size_t row_bytes = static_cast<std::size_t>(spec_.keys) * size_of(context_.a);
  for (int i = 0; i < rows; ++i) {
    std::byte* const row = weights + i * weight_stride_;
    const float first = context_.a == DataType::bf16 ? static_cast<float>(*reinterpret_cast<const bfloat16*>(row))
                                                     : *reinterpret_cast<const float*>(row);
    if (std::isnan(first)) std::memset(row, 0, row_bytes);
  }
}

AttentionStep::Rows AttentionStep::weight_rows(const RunContext& context, int rows) const noexcept {
  const Rows weights{context.scratch + areas_.weights, weight_stride_};
  if (!spec_.context_in || context_.a == DataType::u8) return weights;
  std::byte* const wide = context.scratch + areas_.wide_weights;
  for (int i = 0; i < rows; ++i)
    vector_.widen({.x = weights.data + i * weights.stride, .y = wide + i * wide_stride_, .n = spec_.keys});
  return {wide, wide_stride_};
}

/// What the zero point of V takes from each row: its scale times the sum of the row's probabilities.
void AttentionStep::correct(const RunContext& context, int rows) const noexcept {
  const std::int32_t distance = spec_.context_in->right.zero_point - middle;
  auto* const corrections = reinterpret_cast<float*>(context.scratch + areas_.corrections);
  for (int i = 0; i < rows; ++i) {
    const auto* const weights =
        reinterpret_cast<const std::uint8_t*>(context.scratch + areas_.weights + i * weight_stride_);
    std::int32_t sum = 0;
    for (std::int64_t key = 0; key < spec_.keys; ++key) sum += weights[key];
    const float correction = -static_cast<float>(distance * sum) * context_scale_.front();
    std::fill_n(corrections + i * spec_.head_size, spec_.head_size, correction);
  }
}

void AttentionStep::multiply_values(const RunContext& context, TileSession& tiles, Rows weights, std::byte* y,
                                    int rows) const noexcept {
  std::array<const std::byte*, most_rows> p, corrections;
  std::array<std::byte*, most_rows> c_rows;
  for (int i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    p[at] = weights.data + i * weights.stride;
    c_rows[at] = y + i * spec_.y_stride;
  }
  Epilogue store;
  store.c_type = spec_.y_type;
  store.requantize = spec_.y_quantization;
  if (spec_.context_in) {
    store.scale = context_scale_.data();
    if (spec_.context_in->right.zero_point != middle) {
      correct(context, rows);
      for (int i = 0; i < rows; ++i)
        corrections[static_cast<std::size_t>(i)] =
            context.scratch + areas_.corrections + i * spec_.head_size * static_cast<std::int64_t>(sizeof(float));
      store.residual_rows = corrections.data();
    }
  }
  const KSegment over_keys{0, spec_.keys};
  BrgemmBlock block;
  block.a_rows = p.data();
  block.m = rows;
  block.segments = &over_keys;
  block.segment_count = 1;
  block.c_rows = c_rows.data();
  block.epilogue = &store;
  block.tiles = &tiles;
  for (std::int64_t panel = 0; panel < value_panels_; ++panel) {
    block.b = context.scratch + areas_.v_panels + panel * value_panel_bytes_;
    block.n0 = static_cast<int>(panel * context_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(context_.nr, spec_.head_size - block.n0));
    context_.run(block);
  }
  tiles.finish();
}

void AttentionStep::run_rows(const RunContext& context, TileSession& tiles, std::int64_t batch, std::int64_t head,
                             std::int64_t first, int rows) const noexcept {
  const std::int64_t token = batch * spec_.queries + first;
  multiply_keys(context, tiles, query_rows(context, rows_of(context, spec_.q, token, head), rows), rows);
  softmax(context, batch, head, first, rows);
  std::byte* const y = context.at(spec_.y) + token * spec_.y_stride +
                       head * spec_.head_size * static_cast<std::int64_t>(size_of(spec_.y_type));
  multiply_values(context, tiles, weight_rows(context, rows), y, rows);
}

void AttentionStep::run(const RunContext& context) const noexcept {
  const std::int64_t blocks = (spec_.queries + row_block_ - 1) / row_block_;
  const Range units = share(spec_.batch * spec_.heads * blocks, context.member, context.members);
  std::int64_t packed_head = -1;
  TileSession tiles;
  for (std::int64_t unit = units.first; unit < units.last; ++unit) {
    const std::int64_t head = unit / blocks, first = unit % blocks * row_block_;
    if (head / spec_.sharing != packed_head) pack_head(context, head / spec_.heads, head % spec_.heads / spec_.sharing);
    packed_head = head / spec_.sharing;
    const int rows = static_cast<int>(std::min<std::int64_t>(row_block_, spec_.queries - first));
    run_rows(context, tiles, head / spec_.heads, head % spec_.heads, first, rows);
  }
}

}  // namespace tessera
