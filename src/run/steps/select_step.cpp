#include "run/steps/select_step.hpp"

#include <utility>

namespace tessera {

SelectStep::SelectStep(SelectSpec spec) : spec_(std::move(spec)) {
  for (std::size_t axis = 0; axis + 1 < spec_.axes.size(); ++axis) rows_ *= spec_.axes[axis].extent;
}

template <typename Element>
void SelectStep::run_rows(const RunContext& context) const noexcept {
  const auto* const conditions = reinterpret_cast<const bool*>(context.at(spec_.condition));
  const auto* const yes = reinterpret_cast<const Element*>(context.at(spec_.yes));
  const auto* const no = reinterpret_cast<const Element*>(context.at(spec_.no));
  const SelectSpec::Axis& last = spec_.axes.back();
  const auto [c_step, yes_step, no_step] = last.strides;
  const Range range = share(rows_, context.member, context.members);
  for (std::int64_t row = range.first; row < range.last; ++row) {
    std::array<std::int64_t, 3> at{};
    std::int64_t rest = row;
    for (std::size_t axis = spec_.axes.size() - 1; axis-- > 0;) {
      const SelectSpec::Axis& a = spec_.axes[axis];
      for (std::size_t i = 0; i < at.size(); ++i) at[i] += rest % a.extent * a.strides[i];
      rest /= a.extent;
    }
    Element* const y = reinterpret_cast<Element*>(context.at(spec_.y)) + row * last.extent;
    for (std::int64_t i = 0; i < last.extent; ++i)
      y[i] = conditions[at[0] + i * c_step] ? yes[at[1] + i * yes_step] : no[at[2] + i * no_step];
  }
}

void SelectStep::run(const RunContext& context) const noexcept {
  switch (spec_.width) {
    case 1: return run_rows<std::uint8_t>(context);
    case 2: return run_rows<std::uint16_t>(context);
    case 4: return run_rows<std::uint32_t>(context);
    default: return run_rows<std::uint64_t>(context);
  }
}

}  // namespace tessera
