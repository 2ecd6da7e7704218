// SelectStep: condition ? yes : no, element by element, each of the three perhaps repeated along some axes. Members
// share the rows of the last axis.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "run/step.hpp"

namespace tessera {

struct SelectSpec {
  /// One axis of the dense result. Elements from one place to the next: of the condition, of what is taken where it
  /// holds, and of what is taken otherwise; 0 where they repeat.
  struct Axis {
    std::int64_t extent = 1;
    std::array<std::int64_t, 3> strides{};
  };
  BufferId condition = no_buffer, yes = no_buffer, no = no_buffer, y = no_buffer;
  std::int64_t width = 4;  ///< bytes of an element of yes, no and y: 1, 2, 4 or 8; of the condition: 1
  std::vector<Axis> axes;  ///< of the result, the slowest first; at least one
};

class SelectStep final : public Step {
 public:
  explicit SelectStep(SelectSpec spec);

  void run(const RunContext& context) const noexcept override;

 private:
  template <typename Element>
  void run_rows(const RunContext& context) const noexcept;

  SelectSpec spec_;
  std::int64_t rows_ = 1;
};

}  // namespace tessera
