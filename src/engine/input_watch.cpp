#include "engine/input_watch.hpp"

#include <bit>

namespace tessera {

std::int64_t count_non_finite(std::span<const float> numbers) noexcept {
  constexpr std::uint32_t exponent = 0x7f800000U;
  std::int64_t count = 0;
  for (const float number : numbers) count += (std::bit_cast<std::uint32_t>(number) & exponent) == exponent ? 1 : 0;
  return count;
}

InputWatch::InputWatch(const Graph& graph, bool on) {
  if (!on) return;
  for (const ValueId id : graph.inputs)
    if (graph.value(id).type == DataType::f32) inputs_.emplace_back().name = graph.value(id).name;
}

void InputWatch::look(const std::string& name, const Tensor& tensor) noexcept {
  for (Input& input : inputs_) {
    if (input.name != name) continue;
    const std::int64_t count = count_non_finite(tensor.as<float>());
    if (count == 0) return;
    input.numbers.fetch_add(count, std::memory_order_relaxed);
    input.times.fetch_add(1, std::memory_order_relaxed);
  }
}

std::vector<SessionWarning> InputWatch::warnings() const {
  std::vector<SessionWarning> warnings;
  for (const Input& input : inputs_) {
    const std::int64_t count = input.numbers.load(std::memory_order_relaxed), times = input.times;
    if (count == 0) continue;
    warnings.push_back({"non_finite_input", input.name,
                        "input " + input.name + " held " + std::to_string(count) +
                            (count == 1 ? " number that is" : " numbers that are") + " NaN or infinite (in " +
                            std::to_string(times) + (times == 1 ? " run" : " runs") +
                            "): INT8 has no code for them, so the results look right and are not",
                        count});
  }
  return warnings;
}

}  // namespace tessera
