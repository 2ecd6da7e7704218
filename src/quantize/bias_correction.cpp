#include "quantize/bias_correction.hpp"

namespace tessera {

std::vector<double> bias_correction(const Tensor& weights, const QuantizedWeights& quantized,
                                    const ChannelStatistics& x, std::int64_t group) {
  const Shape& shape = weights.shape();
  const auto axis = static_cast<std::size_t>(quantized.quantization.axis);
  const std::int64_t outputs = shape[axis], inputs = shape[1 - axis];
  const std::int64_t taps = shape.product(2, shape.rank());
  std::vector<double> shift(static_cast<std::size_t>(outputs));
  if (static_cast<std::int64_t>(x.sum.size()) != inputs * group) return shift;
  const auto w = weights.as<float>();
  const auto q = quantized.values.as<std::int8_t>();
  for (std::int64_t o = 0; o < outputs; ++o) {
    const auto channel = static_cast<std::size_t>(o);
    const auto scale = static_cast<double>(quantized.quantization.scale[channel]);
    const std::int64_t first_input = o / (outputs / group) * inputs;
    for (std::int64_t i = 0; i < inputs; ++i) {
      double error = 0;
      for (std::int64_t t = 0; t < taps; ++t) {
        const auto at = static_cast<std::size_t>(((axis == 0 ? o * inputs + i : i * outputs + o)) * taps + t);
        error += static_cast<double>(w[at]) - scale * q[at];
      }
      shift[channel] += error * x.mean(static_cast<std::size_t>(first_input + i));
    }
  }
  return shift;
}

}  // namespace tessera
