#include "run/steps/pool_step.hpp"

namespace tessera {

void PoolStep::run(const RunContext& context) const noexcept {
  fill_halo(y_, fill_, context);
  PoolCall call = geometry_;
  for_rows_of_member(y_, context, [&](std::int64_t n, std::int64_t first, std::int64_t last) {
    call.first_row = first;
    call.last_row = last;
    call.x.data = context.at(x_.buffer) + x_.row_offset(n, 0);
    call.y.data = context.at(y_.buffer) + y_.row_offset(n, 0);
    kernel_(call);
  });
}

}  // namespace tessera
