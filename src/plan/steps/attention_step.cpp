#include "plan/steps/attention_step.hpp"

#include <algorithm>
#include <array>

#include "kernels/brgemm/tile_session.hpp"

namespace tessera {
namespace {

/// Queries handled together: their scores (48 x 512 keys in f32) take 96 KiB, so that they and the head's panels stay
/// in L2.
constexpr int row_block = 48;

std::int64_t padded(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

AttentionStep::AttentionStep(const BrgemmKernel& kernel, const VectorKernels& vector, const AttentionSpec& spec)
    : kernel_(kernel), vector_(vector), spec_(spec) {
  const auto element = static_cast<std::int64_t>(size_of(kernel.b));
  const std::int64_t keys = padded(spec.keys, kernel.nr);
  key_panels_ = keys / kernel.nr;
  value_panels_ = padded(spec.head_size, kernel.nr) / kernel.nr;
  key_panel_bytes_ = padded(spec.head_size, kernel.k_group) * kernel.nr * element;
  value_panel_bytes_ = padded(spec.keys, kernel.k_group) * kernel.nr * element;
  score_stride_ = keys * static_cast<std::int64_t>(sizeof(float)) + static_cast<std::int64_t>(cache_line);
  weight_stride_ = keys * element + static_cast<std::int64_t>(cache_line);

  std::size_t at = 0;
  const auto reserve = [&at](std::int64_t bytes) {
    const std::size_t start = at;
    at += round_up(static_cast<std::size_t>(bytes) + buffer_slack, cache_line);
    return start;
  };
  areas_.k_panels = reserve(key_panels_ * key_panel_bytes_);
  areas_.v_panels = reserve(value_panels_ * value_panel_bytes_);
  areas_.scores = reserve(row_block * score_stride_);
  // In f32 the softmax works in place; narrower probabilities get rows of their own.
  areas_.weights = kernel.a == DataType::f32 ? areas_.scores : reserve(row_block * weight_stride_);
  if (kernel.a == DataType::f32) weight_stride_ = score_stride_;
  scratch_bytes_ = at;
}

void AttentionStep::pack_head(const RunContext& context, std::int64_t batch, std::int64_t head) const noexcept {
  const auto element = static_cast<std::int64_t>(size_of(spec_.type));
  const std::int64_t column = head * spec_.head_size * element;
  const auto rows_of = [&](const AttentionSpec::Tokens& tokens) {
    return context.at(tokens.buffer) + tokens.offset + batch * spec_.keys * tokens.stride + column;
  };
  PackCall keys;
  keys.data = rows_of(spec_.k);
  keys.type = spec_.type;
  keys.k = spec_.head_size;
  keys.n = spec_.keys;
  keys.k_stride = element;
  keys.n_stride = spec_.k.stride;
  keys.nr = kernel_.nr;
  keys.k_group = kernel_.k_group;
  keys.target = context.scratch + areas_.k_panels;
  keys.last_panel = key_panels_;
  vector_.pack(keys);

  PackCall values = keys;
  values.data = rows_of(spec_.v);
  values.k = spec_.keys;
  values.n = spec_.head_size;
  values.k_stride = spec_.v.stride;
  values.n_stride = element;
  values.target = context.scratch + areas_.v_panels;
  values.last_panel = value_panels_;
  vector_.pack(values);
}

void AttentionStep::softmax(const RunContext& context, std::int64_t batch, std::int64_t head, std::int64_t first,
                            int rows) const noexcept {
  SoftmaxCall call;
  call.x = {context.scratch + areas_.scores, score_stride_, DataType::f32, {}};
  call.y = {context.scratch + areas_.weights, weight_stride_, kernel_.a, {}};
  if (spec_.mask != no_buffer) {
    call.mask = reinterpret_cast<const float*>(context.at(spec_.mask)) + batch * spec_.mask_batch_stride +
                head * spec_.mask_head_stride + first * spec_.mask_query_stride;
    call.mask_stride = spec_.mask_query_stride;
  }
  call.scale = spec_.scale;
  call.rows = rows;
  call.n = spec_.keys;
  vector_.softmax(call);
}

void AttentionStep::run_rows(const RunContext& context, TileSession& tiles, std::int64_t batch, std::int64_t head,
                             std::int64_t first, int rows) const noexcept {
  const auto element = static_cast<std::int64_t>(size_of(spec_.type));
  const auto y_element = static_cast<std::int64_t>(size_of(spec_.y_type));
  const std::int64_t y_stride = spec_.heads * spec_.head_size * y_element;
  std::array<const std::byte*, row_block> q, p;
  std::array<std::byte*, row_block> scores, y;
  for (int i = 0; i < rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t token = batch * spec_.queries + first + i;
    q[at] = context.at(spec_.q.buffer) + spec_.q.offset + token * spec_.q.stride + head * spec_.head_size * element;
    scores[at] = context.scratch + areas_.scores + i * score_stride_;
    p[at] = context.scratch + areas_.weights + i * weight_stride_;
    y[at] = context.at(spec_.y) + token * y_stride + head * spec_.head_size * y_element;
  }

  const Epilogue keep;
  const KSegment over_head{0, spec_.head_size};
  BrgemmBlock block;
  block.a_rows = q.data();
  block.m = rows;
  block.segments = &over_head;
  block.segment_count = 1;
  block.c_rows = scores.data();
  block.epilogue = &keep;
  block.tiles = &tiles;
  for (std::int64_t panel = 0; panel < key_panels_; ++panel) {
    block.b = context.scratch + areas_.k_panels + panel * key_panel_bytes_;
    block.n0 = static_cast<int>(panel * kernel_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(kernel_.nr, spec_.keys - block.n0));
    kernel_.run(block);
  }
  tiles.finish();

  softmax(context, batch, head, first, rows);

  Epilogue store;
  store.c_type = spec_.y_type;
  store.requantize = spec_.y_quantization;
  const KSegment over_keys{0, spec_.keys};
  block.a_rows = p.data();
  block.segments = &over_keys;
  block.c_rows = y.data();
  block.epilogue = &store;
  for (std::int64_t panel = 0; panel < value_panels_; ++panel) {
    block.b = context.scratch + areas_.v_panels + panel * value_panel_bytes_;
    block.n0 = static_cast<int>(panel * kernel_.nr);
    block.n = static_cast<int>(std::min<std::int64_t>(kernel_.nr, spec_.head_size - block.n0));
    kernel_.run(block);
  }
  tiles.finish();
}

void AttentionStep::run(const RunContext& context) const noexcept {
  const std::int64_t blocks = (spec_.queries + row_block - 1) / row_block;
  const Range units = share(spec_.batch * spec_.heads * blocks, context.member, context.members);
  std::int64_t packed_head = -1;
  TileSession tiles;
  for (std::int64_t unit = units.first; unit < units.last; ++unit) {
    const std::int64_t head = unit / blocks, first = unit % blocks * row_block;
    if (head != packed_head) pack_head(context, head / spec_.heads, head % spec_.heads);
    packed_head = head;
    const int rows = static_cast<int>(std::min<std::int64_t>(row_block, spec_.queries - first));
    run_rows(context, tiles, head / spec_.heads, head % spec_.heads, first, rows);
  }
}

}  // namespace tessera
