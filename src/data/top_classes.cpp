#include "data/top_classes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tessera {
namespace {

bool are_probabilities(std::span<const float> scores) {
  double sum = 0;
  for (const float score : scores) {
    if (!(score >= 0 && score <= 1)) return false;
    sum += static_cast<double>(score);
  }
  return std::abs(sum - 1) <= 1e-3;
}

std::vector<double> probabilities(std::span<const float> scores) {
  std::vector<double> result(scores.begin(), scores.end());
  if (scores.empty() || are_probabilities(scores)) return result;
  const auto greatest = static_cast<double>(*std::ranges::max_element(scores));
  for (double& value : result) value = std::exp(value - greatest);
  const double sum = std::accumulate(result.begin(), result.end(), 0.0);
  for (double& value : result) value /= sum;
  return result;
}

}  // namespace

std::vector<ClassProbability> top_classes(std::span<const float> scores, std::size_t most) {
  const std::vector<double> all = probabilities(scores);
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto score = [&](std::int64_t i) { return scores[static_cast<std::size_t>(i)]; };
  std::ranges::stable_sort(order, std::greater<>(), score);
  std::vector<ClassProbability> top;
  for (std::size_t i = 0; i < std::min(most, order.size()); ++i)
    top.push_back({order[i], all[static_cast<std::size_t>(order[i])]});
  return top;
}

}  // namespace tessera
