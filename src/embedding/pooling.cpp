// pooled: the tokens of a text to one embedding.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "embedding/sentence_modules.hpp"

namespace tessera {
namespace {

/// The tokens of one text, [length, hidden], and which of them are there.
struct TextTokens {
  std::span<const float> values;
  std::span<const std::int64_t> mask;
  std::size_t hidden;

  template <typename Use>
  void for_each(Use use) const {
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i] != 0) use(values.subspan(i * hidden, hidden));
  }
};

void append_first(const TextTokens& tokens, std::vector<float>& result) {
  const auto first = tokens.values.first(tokens.hidden);
  result.insert(result.end(), first.begin(), first.end());
}

void append_greatest(const TextTokens& tokens, std::vector<float>& result) {
  const std::size_t begin = result.size();
  result.resize(begin + tokens.hidden, -std::numeric_limits<float>::infinity());
  tokens.for_each([&](std::span<const float> token) {
    for (std::size_t i = 0; i < tokens.hidden; ++i) result[begin + i] = std::max(result[begin + i], token[i]);
  });
}

void append_mean(const TextTokens& tokens, bool by_root, std::vector<float>& result) {
  std::vector<double> sums(tokens.hidden);
  double count = 0;
  tokens.for_each([&](std::span<const float> token) {
    for (std::size_t i = 0; i < tokens.hidden; ++i) sums[i] += static_cast<double>(token[i]);
    ++count;
  });
  const double divisor = std::max(1.0, by_root ? std::sqrt(count) : count);
  for (const double sum : sums) result.push_back(static_cast<float>(sum / divisor));
}

void append_pooled(const TextTokens& tokens, Pooling pooling, std::vector<float>& result) {
  switch (pooling) {
    case Pooling::cls: return append_first(tokens, result);
    case Pooling::max: return append_greatest(tokens, result);
    case Pooling::mean: return append_mean(tokens, false, result);
    case Pooling::mean_sqrt_len: return append_mean(tokens, true, result);
  }
}

std::vector<float> through(const DenseModule& dense, const std::vector<float>& input) {
  const auto weight = dense.weight.as<float>();
  std::vector<float> output;
  for (std::size_t row = 0; row * input.size() < weight.size(); ++row) {
    double sum = !dense.bias.empty() ? static_cast<double>(dense.bias.as<float>()[row]) : 0.0;
    for (std::size_t i = 0; i < input.size(); ++i)
      sum += static_cast<double>(weight[row * input.size() + i]) * static_cast<double>(input[i]);
    output.push_back(static_cast<float>(dense.tanh ? std::tanh(sum) : sum));
  }
  return output;
}

}  // namespace

std::vector<std::vector<float>> pooled(const SentenceModules& modules, const Tensor& tokens, const Tensor& mask) {
  const auto count = static_cast<std::size_t>(tokens.shape()[0]), length = static_cast<std::size_t>(tokens.shape()[1]),
             hidden = static_cast<std::size_t>(tokens.shape()[2]);
  std::vector<std::vector<float>> result(count);
  for (std::size_t text = 0; text < count; ++text) {
    const TextTokens own{tokens.as<float>().subspan(text * length * hidden, length * hidden),
                         mask.as<std::int64_t>().subspan(text * length, length), hidden};
    for (const Pooling pooling : modules.pooling) append_pooled(own, pooling, result[text]);
    for (const DenseModule& dense : modules.dense) result[text] = through(dense, result[text]);
  }
  return result;
}

}  // namespace tessera
