#include "compare/accuracy_check.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "compare/output_check.hpp"
#include "compare/work_share.hpp"

namespace tessera {
namespace {

Tensor output_of(Session& session, const TensorMap& item, const std::string& output) {
  bind_inputs(session, item);
  session.infer();
  return session.output(output);
}

/// One per row of the output, if that is a row of classes per sample and every sample has a label; else none.
std::vector<std::optional<std::int64_t>> labels_for(const Tensor& output, const ItemSource& items, std::int64_t item) {
  if (!gives_classes(output, items.rows)) return {};
  std::vector<std::optional<std::int64_t>> labels = labels_of(items, item);
  if (!std::ranges::all_of(labels, [](const auto& label) { return label.has_value(); })) return {};
  return labels;
}

class AccuracyCheck {
 public:
  AccuracyCheck(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events,
                const ComparedPoint& point, std::vector<Candidate>& candidates, PointReport& report)
      : model_(model),
        options_(options),
        events_(events),
        point_(point),
        candidates_(candidates),
        report_(report),
        checks_(candidates.size()) {}

  void run() {
    const std::optional<std::string> output = main_output();
    if (!output) return;
    if (events_.stage) events_.stage("comparing outputs with FP32");
    Candidate spare;
    Candidate* base = reference(spare);
    if (base == nullptr) return warn_of_reference(spare);
    report_.baseline = base->row.precision;
    const ItemSource items = accuracy_items();
    std::int64_t compared = 0, not_finite = 0;
    for (std::int64_t i = 0; i < items.size && base->session != nullptr && !stopped(); ++i) {
      if (check_item(items, i, *output, *base))
        ++compared;
      else
        ++not_finite;
      if (events_.progress) events_.progress({static_cast<double>(i + 1) / static_cast<double>(items.size), 0});
    }
    // The items have left theirs.
    for (Candidate& candidate : candidates_)
      if (candidate.session != nullptr) bind_inputs(*candidate.session, point_.inputs);
    if (base->session == nullptr) return warn_of_reference(*base);
    if (not_finite > 0)
      warn_all("the FP32 outputs are NaN or infinite on " + std::to_string(not_finite) + " of " +
               std::to_string(items.size) + " inputs, where nothing can be compared with them");
    if (compared > 0) note_accuracy();
  }

 private:
  [[nodiscard]] bool stopped() const { return events_.stopped && events_.stopped(); }

  /// The first output is what a model is asked for; nothing where it does not hold numbers to compare.
  [[nodiscard]] std::optional<std::string> main_output() const {
    const std::vector<TensorInfo> outputs = model_.outputs();
    if (outputs.empty() || outputs.front().type != DataType::f32) return std::nullopt;
    return outputs.front().name;
  }

  /// The case whose outputs the others are compared with. Where no FP32 case is measured, `spare` becomes a session for
  /// the outputs alone: accuracy stands beside every speed. Null where FP32 does not run.
  Candidate* reference(Candidate& spare) {
    Candidate* base = baseline_of(candidates_);
    if (base != nullptr) return base;
    const SessionOptions options = session_options(options_, point_.extents, Precision::fp32, std::nullopt);
    if (!guarded(spare, [&] { spare.session = std::make_unique<Session>(model_.compile(options)); })) return nullptr;
    spare.row.precision = computed_in(work_share(spare.session->explain()), Precision::fp32);
    return &spare;
  }

  /// The user's data where there are some; else batches of the calibration data that have the compiled shapes; else
  /// seeded random inputs, not those of the timing.
  ItemSource accuracy_items() {
    if (point_.data) {
      report_.accuracy_inputs =
          std::to_string(point_.data->size * point_.data->rows) + " items of " + options_.data_name;
      return *point_.data;
    }
    std::vector<TensorMap> chosen = calibration_batches();
    const bool real = !chosen.empty();
    for (std::int64_t i = 1; !real && i <= options_.accuracy_inputs; ++i)
      chosen.push_back(model_.random_inputs(point_.extents, options_.seed + static_cast<std::uint64_t>(i)));
    report_.accuracy_inputs =
        std::to_string(chosen.size()) + (real ? " batches of the calibration data" : " seeded random inputs");
    const auto count = static_cast<std::int64_t>(chosen.size());
    return {count, [batches = std::move(chosen)](std::int64_t i) { return batches[static_cast<std::size_t>(i)]; }, {}};
  }

  [[nodiscard]] std::vector<TensorMap> calibration_batches() const {
    const auto fits = [this](const TensorMap& batch) {
      return std::ranges::all_of(point_.inputs, [&](const auto& input) {
        const auto found = batch.find(input.first);
        return found != batch.end() && found->second.shape() == input.second.shape();
      });
    };
    std::vector<const TensorMap*> fitting;
    for (const TensorMap& batch : options_.calibration)
      if (fits(batch)) fitting.push_back(&batch);
    // Spread over all of them: folders of classes begin with items of one class.
    const std::size_t count = std::min(static_cast<std::size_t>(std::max(options_.accuracy_inputs, 0)), fitting.size());
    std::vector<TensorMap> chosen;
    for (std::size_t i = 0; i < count; ++i) chosen.push_back(*fitting[i * fitting.size() / count]);
    return chosen;
  }

  /// One item through all cases, so that it is read once. False when the reference is not finite and nothing can be
  /// compared with it; when it fails its session is gone.
  bool check_item(const ItemSource& items, std::int64_t index, const std::string& output, Candidate& base) {
    const TensorMap item = items.item(index);
    Tensor reference;
    if (!guarded(base, [&] { reference = output_of(*base.session, item, output); })) return true;
    if (!all_finite(reference.as<float>())) return false;
    const std::vector<std::optional<std::int64_t>> labels = labels_for(reference, items, index);
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      Candidate& candidate = candidates_[c];
      if (candidate.session == nullptr) continue;
      guarded(candidate, [&] {
        checks_[c].add(reference, &candidate == &base ? reference : output_of(*candidate.session, item, output),
                       labels);
      });
    }
    return true;
  }

  void note_accuracy() {
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      Candidate& candidate = candidates_[c];
      if (candidate.session == nullptr) continue;
      candidate.row.accuracy = checks_[c].accuracy();
      candidate.row.top1 = checks_[c].top1();
      candidate.row.output_sha256 = checks_[c].sha256();
    }
  }

  void warn_of_reference(const Candidate& base) {
    warn_all("no accuracy: FP32, which outputs are compared with, failed: " + base.row.reason);
  }

  void warn_all(const std::string& warning) {
    for (Candidate& candidate : candidates_)
      if (candidate.session != nullptr) candidate.row.warnings.push_back(warning);
  }

  const Model& model_;
  const ComparisonOptions& options_;
  const ComparisonEvents& events_;
  const ComparedPoint& point_;
  std::vector<Candidate>& candidates_;
  PointReport& report_;
  std::vector<OutputCheck> checks_;  ///< one per candidate
};

}  // namespace

void check_accuracy(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events,
                    const ComparedPoint& point, std::vector<Candidate>& candidates, PointReport& report) {
  AccuracyCheck(model, options, events, point, candidates, report).run();
}

}  // namespace tessera
