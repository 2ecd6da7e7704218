#include "run/steps/row_steps.hpp"

namespace tessera {
namespace {

RowsIn rows_in(const RunContext& context, const DenseRows& m, std::int64_t first, const Dequantize& quantization) {
  return {context.at(m.buffer) + first * m.stride(), m.stride(), m.type, quantization};
}
RowsOut rows_out(const RunContext& context, const DenseRows& m, std::int64_t first, const Requantize& quantization) {
  return {context.at(m.buffer) + first * m.stride(), m.stride(), m.type, quantization};
}

}  // namespace

void LayerNormStep::run(const RunContext& context) const noexcept {
  const Range range = share(x_.rows, context.member, context.members);
  LayerNormCall call = call_;
  call.x = rows_in(context, x_, range.first, call_.x.quantization);
  call.y = rows_out(context, y_, range.first, call_.y.quantization);
  call.rows = range.last - range.first;
  if (call.rows > 0) kernel_(call);
}

void SoftmaxStep::run(const RunContext& context) const noexcept {
  const Range range = share(x_.rows, context.member, context.members);
  SoftmaxCall call;
  call.x = rows_in(context, x_, range.first, {});
  call.y = rows_out(context, y_, range.first, {});
  call.rows = range.last - range.first;
  call.n = x_.n;
  if (call.rows > 0) kernel_(call);
}

void ConvertStep::run(const RunContext& context) const noexcept {
  const Range range = share(x_.rows, context.member, context.members);
  const ConvertCall call{rows_in(context, x_, range.first, from_), rows_out(context, y_, range.first, to_),
                         range.last - range.first, x_.n};
  if (call.rows > 0) kernel_(call);
}

void ConvertImageStep::run(const RunContext& context) const noexcept {
  fill_halo(y_, fill_, context);
  for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    for (std::int64_t h = first; h < last; ++h) {
      const std::byte* x = context.at(x_.buffer) + x_.row_offset(n, h);
      std::byte* y = context.at(y_.buffer) + y_.row_offset(n, h);
      kernel_({{x, x_.pixel_stride(), x_.type, from_}, {y, y_.pixel_stride(), y_.type, to_}, y_.width, y_.channels});
    }
  });
}

}  // namespace tessera
