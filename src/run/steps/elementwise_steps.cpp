#include "run/steps/elementwise_steps.hpp"

#include <algorithm>

namespace tessera {

void ElementwiseStep::run(const RunContext& context) const noexcept {
  const Range range = share(call_.rows, context.member, context.members);
  ElementwiseCall call = call_;
  for (std::int64_t row = range.first; row < range.last; row += call.rows) {
    call.rows = std::min({range.last - row, rows_at_once(a_, row), rows_at_once(b_, row)});
    call.a = rows_of(context, a_, row);
    if (b_.buffer != no_buffer) call.b = rows_of(context, b_, row);
    call.y.stride = call.n * static_cast<std::int64_t>(size_of(call.y.type));
    call.y.data = context.at(y_) + row * call.y.stride;
    kernel_(call);
  }
}

/// A period of one row repeats by a stride of 0.
std::int64_t ElementwiseStep::rows_at_once(const ElementwiseOperand& operand, std::int64_t row) const noexcept {
  return operand.buffer == no_buffer || operand.period == 1 ? call_.rows : operand.period - row % operand.period;
}

RowsIn ElementwiseStep::rows_of(const RunContext& context, const ElementwiseOperand& operand,
                                std::int64_t row) const noexcept {
  const std::int64_t bytes = call_.n * static_cast<std::int64_t>(size_of(operand.type));
  return {context.at(operand.buffer) + row % operand.period * bytes, operand.period == 1 ? 0 : bytes, operand.type,
          operand.quantization};
}

void ElementwiseImageStep::run(const RunContext& context) const noexcept {
  fill_halo(y_, fill_, context);
  const bool by_channel = b_.buffer != no_buffer && (b_.width != y_.width || b_.height != y_.height);
  const bool by_pixel = by_channel || a_.gap != 0 || b_.gap != 0 || y_.gap != 0;
  ElementwiseCall call = call_;
  call.rows = by_pixel ? y_.width : 1;
  call.n = by_pixel ? y_.channels : y_.width * y_.channels;
  for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    for (std::int64_t h = first; h < last; ++h) {
      call.a.data = context.at(a_.buffer) + a_.row_offset(n, h);
      call.a.stride = a_.pixel_stride();
      call.y.data = context.at(y_.buffer) + y_.row_offset(n, h);
      call.y.stride = y_.pixel_stride();
      if (b_.buffer != no_buffer)
        call.b.data = context.at(b_.buffer) + b_.row_offset(b_.count == 1 ? 0 : n, by_channel ? 0 : h);
      call.b.stride = by_channel ? 0 : b_.pixel_stride();
      kernel_(call);
    }
  });
}

}  // namespace tessera
