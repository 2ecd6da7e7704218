// What the inputs of a session that multiplies integers hold that integers cannot stand for.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/tensor.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// How many of the numbers are NaN or infinite.
std::int64_t count_non_finite(std::span<const float> numbers) noexcept;

/// Counts such numbers by input. Thread-safe; looking costs a pass over the input and no allocation.
class InputWatch {
 public:
  /// Watches the f32 inputs of the graph; none of them where `on` is false.
  InputWatch(const Graph& graph, bool on);

  void look(const std::string& name, const Tensor& tensor) noexcept;
  [[nodiscard]] std::vector<SessionWarning> warnings() const;

 private:
  struct Input {
    std::string name;
    std::atomic<std::int64_t> numbers = 0;  ///< that are not finite
    std::atomic<std::int64_t> times = 0;    ///< that the input held some
  };
  std::deque<Input> inputs_;
};

}  // namespace tessera
