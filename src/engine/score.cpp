#include "engine/score.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

constexpr std::array<std::pair<ScoreMetric, std::string_view>, 4> metrics{{{ScoreMetric::automatic, "auto"},
                                                                           {ScoreMetric::top1, "top1"},
                                                                           {ScoreMetric::agreement, "agreement"},
                                                                           {ScoreMetric::cosine, "cosine"}}};

/// Outputs of the reference beyond this are computed again when they are needed.
constexpr std::size_t most_kept_bytes = std::size_t{64} << 20;

}  // namespace

std::string_view name_of(ScoreMetric metric) noexcept {
  for (const auto& [known, name] : metrics)
    if (known == metric) return name;
  return "?";
}

std::optional<ScoreMetric> score_metric_from_name(std::string_view name) noexcept {
  for (const auto& [metric, known] : metrics)
    if (known == name) return metric;
  return std::nullopt;
}

Scorer::Scorer(GraphRunner& reference, const ItemSource& items, ScoreMetric metric)
    : reference_(reference), items_(items), kept_(static_cast<std::size_t>(items.size)), metric_(choose(metric)) {}

ScoreMetric Scorer::choose(ScoreMetric wanted) {
  if (items_.size < 1) reject("scoring", "there are no items", "give at least one");
  const Tensor output = reference_output(0, items_.item(0));
  if (output.type() != DataType::f32) reject("scoring", "the first output is not f32");
  const bool classes = gives_classes(output, items_.rows);
  bool labelled = true;
  for (std::int64_t i = 0; labelled && i < items_.size; ++i)
    labelled = std::ranges::all_of(labels_of(items_, i), [](const auto& label) { return label.has_value(); });
  if (wanted == ScoreMetric::automatic) {
    if (!classes) return ScoreMetric::cosine;
    return labelled ? ScoreMetric::top1 : ScoreMetric::agreement;
  }
  if (wanted == ScoreMetric::top1 && !labelled)
    reject("metric top1", "not every item has a label", "give labelled data, or use agreement or cosine");
  if (wanted != ScoreMetric::cosine && !classes)
    reject("metric " + std::string(name_of(wanted)),
           "the first output " + to_string(output.shape()) + " is not one row of classes per sample", "use cosine");
  return wanted;
}

Tensor Scorer::reference_output(std::int64_t index, const TensorMap& item) {
  Tensor& kept = kept_[static_cast<std::size_t>(index)];
  if (!kept.empty()) return kept;
  Tensor output = GraphRunner::first_output(reference_.run(item, "scoring"));
  if (kept_bytes_ + output.bytes() <= most_kept_bytes) {
    kept_bytes_ += output.bytes();
    kept = output;
  }
  return output;
}

Score Scorer::of_reference(const Progress& progress) {
  Score score{100, {}};
  std::int64_t hits = 0;
  for (std::int64_t i = 0; i < items_.size; ++i) {
    const Tensor output = reference_output(i, items_.item(i));
    if (metric_ == ScoreMetric::top1) hits += rows_at_their_label(output, labels_of(items_, i));
    if (progress) progress(i + 1);
  }
  if (metric_ == ScoreMetric::top1)
    score.points = 100.0 * static_cast<double>(hits) / static_cast<double>(items_.size * items_.rows);
  return score;
}

Score Scorer::of(GraphRunner& candidate, std::int64_t limit, const Progress& progress) {
  const std::int64_t count = limit > 0 ? std::min(limit, items_.size) : items_.size;
  AccuracyMeter meter;
  std::int64_t hits = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const TensorMap item = items_.item(i);
    const Tensor expected = reference_output(i, item);
    const Tensor output = GraphRunner::first_output(candidate.run(item, "scoring"));
    meter.add(expected, output);
    if (metric_ == ScoreMetric::top1) hits += rows_at_their_label(output, labels_of(items_, i));
    if (progress) progress(i + 1);
  }
  Score score{0, meter.result()};
  if (metric_ == ScoreMetric::top1)
    score.points = 100.0 * static_cast<double>(hits) / static_cast<double>(count * items_.rows);
  if (metric_ == ScoreMetric::agreement) score.points = 100.0 * score.accuracy.top1_agreement;
  if (metric_ == ScoreMetric::cosine) score.points = 100.0 * score.accuracy.cosine;
  return score;
}

}  // namespace tessera
