#include "compare/comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "compare/accuracy_check.hpp"
#include "compare/candidate.hpp"
#include "compare/failure.hpp"
#include "compare/process_memory.hpp"
#include "compare/speed.hpp"
#include "compare/work_share.hpp"
#include "core/error.hpp"
#include "cpu/case_name.hpp"

namespace tessera {
namespace {

constexpr double milli = 1e3;
constexpr double mega = 1e-6;

class ModelComparison {
 public:
  ModelComparison(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events)
      : model_(model), options_(options), events_(events), clock_(steady_clock()), points_(distinct_points()) {
    // What was asked for is the time of the model.
    options_.measure.max_seconds /= static_cast<double>(points_.size());
  }

  ModelReport run() {
    report_.name = model_.name();
    report_.synthetic_weights = model_.synthetic_weights();
    for (const PlannedCase& planned : cases_of_model()) candidates_.push_back({planned, {}, nullptr, 0});
    for (const std::size_t point : points_) {
      if (stopped() && !report_.points.empty()) break;
      run_point_or_say_why(point);
    }
    return std::move(report_);
  }

 private:
  void stage(const std::string& activity) const {
    if (events_.stage) events_.stage(activity);
  }

  [[nodiscard]] bool stopped() const { return events_.stopped && events_.stopped(); }

  /// Those whose inputs are not those of an earlier one. What is wrong with inputs is found when their turn comes.
  [[nodiscard]] std::vector<std::size_t> distinct_points() const {
    std::vector<std::size_t> points;
    std::vector<std::vector<Shape>> seen;
    for (std::size_t i = 0; i < options_.points.size(); ++i) {
      std::vector<Shape> shapes;
      const auto failure = failure_of("model " + model_.name(), [&] {
        for (const auto& [name, tensor] : model_.random_inputs(options_.points[i], options_.seed))
          shapes.push_back(tensor.shape());
      });
      if (!failure && std::ranges::find(seen, shapes) != seen.end()) continue;
      seen.push_back(std::move(shapes));
      points.push_back(i);
    }
    return points;
  }

  /// A packed model has one case, which it brings along.
  [[nodiscard]] std::vector<PlannedCase> cases_of_model() const {
    const auto packed = model_.packed_case();
    if (!packed) return options_.cases;
    return {{case_name(packed->precision, packed->isa), packed->precision, packed->isa, {}}};
  }

  /// A model that cannot run one point never costs the others: what it throws becomes the report of that point, if
  /// somebody hears of it.
  void run_point_or_say_why(std::size_t index) {
    if (!events_.failed) return run_point(index);
    const std::size_t before = report_.points.size();
    const auto failure = failure_of("model " + model_.name(), [&] { run_point(index); });
    if (!failure) return;
    report_.points.resize(before);
    PointReport& point = report_.points.emplace_back();
    const Extents& extents = options_.points[index];
    if (const auto batch = extents.find("batch"); batch != extents.end()) point.batch = static_cast<int>(batch->second);
    if (const auto seq = extents.find("seq"); seq != extents.end()) point.seq = static_cast<int>(seq->second);
    point.failure = failure->what();
    events_.failed(*failure);
  }

  void run_point(std::size_t index) {
    ComparedPoint point{options_.points[index], {}, std::nullopt};
    point.inputs = model_.random_inputs(point.extents, options_.seed);
    if (options_.data) point.data = options_.data(index);
    PointReport& report = report_.points.emplace_back();
    describe(point, report);
    for (Candidate& candidate : candidates_) prepare(candidate, point);
    check_accuracy(model_, options_, events_, point, candidates_, report);
    measure_speed(options_, events_, point, candidates_, report);
    for (Candidate& candidate : candidates_) report.cases.push_back(std::move(candidate.row));
  }

  void describe(const ComparedPoint& point, PointReport& report) const {
    const std::vector<TensorInfo> infos = model_.inputs();
    if (!infos.empty() && point.inputs.at(infos.front().name).shape().rank() > 0)
      report.batch = static_cast<int>(point.inputs.at(infos.front().name).shape()[0]);
    for (const TensorInfo& info : infos) {
      const Shape& shape = point.inputs.at(info.name).shape();
      if (shape.rank() == 2 && info.type == DataType::i64) report.seq = static_cast<int>(shape[1]);
    }
  }

  void prepare(Candidate& candidate, const ComparedPoint& point) {
    const PlannedCase& planned = candidate.planned;
    CaseReport& row = candidate.row = {};
    row.name = planned.name;
    row.precision = planned.precision;
    row.isa = planned.isa;
    if (planned.unavailable) {
      row.status = CaseStatus::unavailable;
      row.reason = *planned.unavailable;
    } else if (stopped()) {
      row.status = CaseStatus::failed;
      row.reason = interrupted_reason;
      candidate.session.reset();
    } else if (planned.precision == Precision::int8 && lacks_calibration()) {
      row.status = CaseStatus::unavailable;
      row.reason = "there are no calibration data: give --calibration DIR|FILE, or insist with --calibration synthetic";
    } else {
      stage("preparing " + planned.name);
      guarded(candidate, [&] { make_ready(candidate, point); });
    }
  }

  /// One session serves all points. Only tuning is for the extents that a session is compiled for.
  void make_ready(Candidate& candidate, const ComparedPoint& point) {
    CaseReport& row = candidate.row;
    const std::optional<double> resident_before = resident_mb();
    if (!resident_at_start_) resident_at_start_ = resident_before;
    const double begin = clock_();
    const bool compiles = candidate.session == nullptr || options_.tune;
    if (compiles)
      compile(candidate, point);
    else
      candidate.session->prepare(point.extents);
    const double ready = clock_();
    bind_inputs(*candidate.session, point.inputs);
    const double bound = clock_();
    candidate.session->infer();
    row.first_inference_ms = (clock_() - bound) * milli;
    row.streams = candidate.session->streams();
    row.threads = candidate.session->threads();
    const PreparationInfo& preparation = candidate.session->preparation();
    row.calibration_ms = preparation.calibration_seconds * milli;
    const bool waited = compiles && !preparation.calibration_shared;
    row.prepare_ms = (ready - begin) * milli + (waited ? 0 : row.calibration_ms);
    if (const std::optional<double> now = resident_mb(); now && resident_before)
      candidate.grown_mb += std::max(0.0, *now - *resident_before);
    const MemoryInfo memory = candidate.session->memory();
    row.memory.weights_mb = static_cast<double>(memory.packed_weights) * mega;
    row.memory.arena_mb = static_cast<double>(memory.arena) * mega;
    // As if no other case had been prepared.
    if (resident_at_start_) row.memory.rss_mb = *resident_at_start_ + candidate.grown_mb;
    row.work = work_share(candidate.session->explain());
    row.precision = computed_in(row.work, candidate.planned.precision);
  }

  void compile(Candidate& candidate, const ComparedPoint& point) {
    SessionOptions options =
        session_options(options_, point.extents, candidate.planned.precision, candidate.planned.isa);
    options.tune = options_.tune;
    options.tune_cache = options_.tune_cache;
    candidate.session = std::make_unique<Session>(model_.compile(options));
    if (const std::string& warning = candidate.session->tuning().warning; events_.note && !warning.empty())
      events_.note(warning);
  }

  [[nodiscard]] bool lacks_calibration() const {
    return options_.calibration.empty() && !options_.synthetic_calibration && !model_.synthetic_weights() &&
           !model_.quantized();
  }

  const Model& model_;
  ComparisonOptions options_;
  const ComparisonEvents& events_;
  Clock clock_;
  std::vector<std::size_t> points_;  ///< of the options' points
  std::vector<Candidate> candidates_;
  std::optional<double> resident_at_start_;  ///< before the first case
  ModelReport report_;
};

}  // namespace

ModelReport compare_model(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events) {
  return ModelComparison(model, options, events).run();
}

}  // namespace tessera
