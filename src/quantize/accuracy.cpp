#include "quantize/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include "core/error.hpp"

namespace tessera {
namespace {

std::ptrdiff_t index_of_largest(std::span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

void require_comparable(const Tensor& reference, const Tensor& candidate) {
  if (reference.type() != DataType::f32 || candidate.type() != DataType::f32)
    reject("accuracy", "outputs of type f32 are compared, got " + std::string(name_of(reference.type())) + " and " +
                           std::string(name_of(candidate.type())));
  if (!(reference.shape() == candidate.shape()))
    reject("accuracy",
           "outputs differ in shape: " + to_string(reference.shape()) + " and " + to_string(candidate.shape()));
}

}  // namespace

bool gives_classes(const Tensor& output, std::int64_t samples) {
  const Shape& shape = output.shape();
  return shape.rank() == 2 && shape[0] == samples && shape[1] > 1;
}

std::vector<std::optional<std::int64_t>> labels_of(const ItemSource& items, std::int64_t item) {
  std::vector<std::optional<std::int64_t>> labels(static_cast<std::size_t>(items.rows));
  if (!items.label) return labels;
  for (std::size_t r = 0; r < labels.size(); ++r)
    labels[r] = items.label(item * items.rows + static_cast<std::int64_t>(r));
  return labels;
}

std::int64_t rows_at_their_label(const Tensor& output, std::span<const std::optional<std::int64_t>> labels) {
  const auto width = static_cast<std::size_t>(output.shape().back());
  std::int64_t count = 0;
  for (std::size_t r = 0; r < labels.size(); ++r)
    count += index_of_largest(output.as<float>().subspan(r * width, width)) == labels[r] ? 1 : 0;
  return count;
}

bool all_finite(std::span<const float> numbers) noexcept {
  return std::ranges::all_of(numbers, [](float number) { return std::isfinite(number); });
}

void AccuracyMeter::add(const Tensor& reference, const Tensor& candidate) {
  require_comparable(reference, candidate);
  const auto expected = reference.as<float>();
  const auto actual = candidate.as<float>();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double r = expected[i];
    const double c = actual[i];
    if (!std::isfinite(c)) fail("accuracy", "the outputs are not finite (element " + std::to_string(i) + ")");
    dot_ += r * c;
    reference_power_ += r * r;
    candidate_power_ += c * c;
    error_power_ += (c - r) * (c - r);
  }
  const std::size_t width = reference.shape().rank() == 0 ? 1 : static_cast<std::size_t>(reference.shape().back());
  for (std::size_t begin = 0; width != 0 && begin < expected.size(); begin += width) {
    ++rows_;
    agreeing_rows_ +=
        index_of_largest(expected.subspan(begin, width)) == index_of_largest(actual.subspan(begin, width)) ? 1 : 0;
  }
  ++inputs_;
}

Accuracy AccuracyMeter::result() const noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Accuracy accuracy;
  accuracy.inputs = inputs_;
  const double norms = std::sqrt(reference_power_) * std::sqrt(candidate_power_);
  // Two zero vectors agree; one zero vector has no direction to agree with.
  accuracy.cosine = error_power_ == 0 ? 1.0 : (norms > 0 ? std::min(1.0, dot_ / norms) : 0.0);
  if (error_power_ == 0) {
    accuracy.sqnr_db = infinity;
  } else {
    accuracy.sqnr_db = reference_power_ > 0 ? 10.0 * std::log10(reference_power_ / error_power_) : -infinity;
    accuracy.relative_l2 = reference_power_ > 0 ? std::sqrt(error_power_ / reference_power_) : infinity;
  }
  accuracy.top1_agreement = rows_ > 0 ? static_cast<double>(agreeing_rows_) / static_cast<double>(rows_) : 1.0;
  return accuracy;
}

}  // namespace tessera
