#include "compare/comparison.hpp"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <utility>

#include "compare/output_check.hpp"
#include "compare/process_memory.hpp"
#include "compare/statistics.hpp"
#include "compare/work_share.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

constexpr double milli = 1e3;
constexpr double mega = 1e-6;
constexpr const char* interrupted = "interrupted before it was measured";

/// A case with its session while there is one.
struct Candidate {
  CaseReport row;
  Precision asked = Precision::fp32;
  std::unique_ptr<Session> session;
};

class Comparison {
 public:
  Comparison(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events)
      : model_(model), options_(options), events_(events), clock_(steady_clock()) {}

  ModelReport run() {
    inputs_ = model_.random_inputs(options_.extents, options_.seed);
    describe();
    for (const PlannedCase& planned : cases_of_model()) prepare(planned);
    compare_outputs();
    measure_all();
    for (Candidate& candidate : candidates_) report_.cases.push_back(std::move(candidate.row));
    return std::move(report_);
  }

 private:
  void stage(const std::string& activity) const {
    if (events_.stage) events_.stage(activity);
  }

  [[nodiscard]] bool stopped() const { return events_.stopped && events_.stopped(); }

  void describe() {
    report_.name = model_.name();
    report_.synthetic_weights = model_.synthetic_weights();
    const std::vector<TensorInfo> infos = model_.inputs();
    if (!infos.empty() && inputs_.at(infos.front().name).shape().rank() > 0)
      report_.batch = static_cast<int>(inputs_.at(infos.front().name).shape()[0]);
    for (const TensorInfo& info : infos) {
      const Shape& shape = inputs_.at(info.name).shape();
      if (shape.rank() == 2 && info.type == DataType::i64) report_.seq = static_cast<int>(shape[1]);
    }
  }

  /// Runs `work`; what it throws becomes the state of the row and ends its session.
  template <typename Work>
  bool guarded(Candidate& candidate, Work work) const {
    try {
      work();
      return true;
    } catch (const Error& error) {
      candidate.row.status = error.kind() == ErrorKind::unavailable ? CaseStatus::unavailable : CaseStatus::failed;
      candidate.row.reason = error.what();
    } catch (const std::bad_alloc&) {
      candidate.row.status = CaseStatus::failed;
      candidate.row.reason = "out of memory";
    } catch (const std::exception& error) {
      candidate.row.status = CaseStatus::failed;
      candidate.row.reason = error.what();
    }
    candidate.session.reset();
    return false;
  }

  /// A packed model has one case, which it brings along.
  [[nodiscard]] std::vector<PlannedCase> cases_of_model() const {
    const auto packed = model_.packed_case();
    if (!packed) return options_.cases;
    const std::string name = std::string(name_of(packed->precision)) + "@" + std::string(name_of(packed->isa));
    return {{name, packed->precision, packed->isa, {}}};
  }

  SessionOptions session_options(Precision precision, std::optional<Isa> isa) const {
    SessionOptions session;
    session.precision = precision;
    session.isa = isa;
    session.threads = options_.threads;
    session.extents = options_.extents;
    session.calibration = options_.calibration;
    session.calibration_options.synthetic = options_.synthetic_calibration;
    return session;
  }

  void prepare(const PlannedCase& planned) {
    Candidate& candidate = candidates_.emplace_back();
    CaseReport& row = candidate.row;
    row.name = planned.name;
    candidate.asked = row.precision = planned.precision;
    row.isa = planned.isa;
    if (planned.unavailable) {
      row.status = CaseStatus::unavailable;
      row.reason = *planned.unavailable;
      return;
    }
    if (stopped()) {
      row.status = CaseStatus::failed;
      row.reason = interrupted;
      return;
    }
    if (planned.precision == Precision::int8 && lacks_calibration()) {
      row.status = CaseStatus::unavailable;
      row.reason = "there are no calibration data: give --calibration DIR|FILE, or insist with --calibration synthetic";
      return;
    }
    stage("preparing " + planned.name);
    guarded(candidate, [&] {
      const std::optional<double> resident_before = resident_mb();
      if (!resident_at_start_) resident_at_start_ = resident_before;
      const double begin = clock_();
      SessionOptions options = session_options(planned.precision, planned.isa);
      options.tune = options_.tune;
      options.tune_cache = options_.tune_cache;
      candidate.session = std::make_unique<Session>(model_.compile(options));
      const double compiled = clock_();
      if (const std::string& warning = candidate.session->tuning().warning; events_.note && !warning.empty())
        events_.note(warning);
      for (const auto& [name, tensor] : inputs_) candidate.session->set_input(name, tensor);
      const double bound = clock_();
      candidate.session->infer();
      row.first_inference_ms = (clock_() - bound) * milli;
      const PreparationInfo& preparation = candidate.session->preparation();
      row.calibration_ms = preparation.calibration_seconds * milli;
      row.prepare_ms = (compiled - begin) * milli + (preparation.calibration_shared ? row.calibration_ms : 0);
      const MemoryInfo memory = candidate.session->memory();
      row.memory = {static_cast<double>(memory.packed_weights) * mega, static_cast<double>(memory.arena) * mega,
                    resident_of_case(resident_before)};
      row.work = work_share(candidate.session->explain());
      row.precision = computed_in(row.work, candidate.asked);
    });
  }

  [[nodiscard]] bool lacks_calibration() const {
    return options_.calibration.empty() && !options_.synthetic_calibration && !model_.synthetic_weights() &&
           !model_.quantized();
  }

  /// As if no other case had been prepared.
  [[nodiscard]] std::optional<double> resident_of_case(std::optional<double> before) const {
    const std::optional<double> now = resident_mb();
    if (!now || !before) return std::nullopt;
    return *resident_at_start_ + std::max(0.0, *now - *before);
  }

  // ---- accuracy -----------------------------------------------------------------------------------------------

  /// The user's data where there are some; else batches of the calibration data that have the compiled shapes; else
  /// seeded random inputs, not those of the timing.
  ItemSource accuracy_items() {
    if (options_.data) {
      report_.accuracy_inputs =
          std::to_string(options_.data->size * options_.data->rows) + " items of " + options_.data_name;
      return *options_.data;
    }
    std::vector<TensorMap> chosen = calibration_batches();
    const bool real = !chosen.empty();
    for (std::int64_t i = 1; !real && i <= options_.accuracy_inputs; ++i)
      chosen.push_back(model_.random_inputs(options_.extents, options_.seed + static_cast<std::uint64_t>(i)));
    report_.accuracy_inputs =
        std::to_string(chosen.size()) + (real ? " batches of the calibration data" : " seeded random inputs");
    const auto count = static_cast<std::int64_t>(chosen.size());
    return {count, [batches = std::move(chosen)](std::int64_t i) { return batches[static_cast<std::size_t>(i)]; }, {}};
  }

  std::vector<TensorMap> calibration_batches() const {
    const auto fits = [this](const TensorMap& batch) {
      return std::all_of(inputs_.begin(), inputs_.end(), [&](const auto& input) {
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

  /// The first output is what a model is asked for; nothing where it does not hold numbers to compare.
  std::optional<std::string> main_output() const {
    const std::vector<TensorInfo> outputs = model_.outputs();
    if (outputs.empty() || outputs.front().type != DataType::f32) return std::nullopt;
    return outputs.front().name;
  }

  static Tensor output_of(Session& session, const TensorMap& item, const std::string& output) {
    for (const auto& [name, tensor] : item) session.set_input(name, tensor);
    session.infer();
    return session.output(output);
  }

  /// One per row of the output, if that is a row of classes per sample and every sample has a label; else none.
  static std::vector<std::optional<std::int64_t>> labels_for(const Tensor& output, const ItemSource& items,
                                                             std::int64_t item) {
    if (!gives_classes(output, items.rows)) return {};
    std::vector<std::optional<std::int64_t>> labels = labels_of(items, item);
    if (!std::ranges::all_of(labels, [](const auto& label) { return label.has_value(); })) return {};
    return labels;
  }

  Candidate* baseline() {
    for (Candidate& candidate : candidates_)
      if (candidate.session != nullptr && candidate.asked == Precision::fp32) return &candidate;
    return nullptr;
  }

  /// The case whose outputs the others are compared with. Where no FP32 case is measured, `spare` becomes a session for
  /// the outputs alone: accuracy stands beside every speed. Null where FP32 does not run.
  Candidate* reference(Candidate& spare) {
    Candidate* base = baseline();
    if (base != nullptr) return base;
    if (!guarded(spare, [&] {
          spare.session = std::make_unique<Session>(model_.compile(session_options(Precision::fp32, std::nullopt)));
        }))
      return nullptr;
    spare.row.precision = computed_in(work_share(spare.session->explain()), Precision::fp32);
    return &spare;
  }

  void compare_outputs() {
    const std::optional<std::string> output = main_output();
    if (!output) return;
    stage("comparing outputs with FP32");
    Candidate spare;
    Candidate* base = reference(spare);
    if (base == nullptr) return warn_of_reference(spare);
    report_.baseline = base->row.precision;
    const ItemSource items = accuracy_items();
    std::vector<OutputCheck> checks(candidates_.size());
    std::int64_t compared = 0, not_finite = 0;
    for (std::int64_t i = 0; i < items.size && base->session != nullptr && !stopped(); ++i) {
      if (check_item(items, i, *output, *base, checks))
        ++compared;
      else
        ++not_finite;
      if (events_.progress) events_.progress({static_cast<double>(i + 1) / static_cast<double>(items.size), 0});
    }
    bind_timed_inputs();
    if (base->session == nullptr) return warn_of_reference(*base);
    if (not_finite > 0)
      warn_all("the FP32 outputs are NaN or infinite on " + std::to_string(not_finite) + " of " +
               std::to_string(items.size) + " inputs, where nothing can be compared with them");
    if (compared > 0) note_accuracy(checks);
  }

  void warn_of_reference(const Candidate& base) {
    warn_all("no accuracy: FP32, which outputs are compared with, failed: " + base.row.reason);
  }

  void note_accuracy(std::vector<OutputCheck>& checks) {
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      Candidate& candidate = candidates_[c];
      if (candidate.session == nullptr) continue;
      candidate.row.accuracy = checks[c].accuracy();
      candidate.row.top1 = checks[c].top1();
      candidate.row.output_sha256 = checks[c].sha256();
    }
  }

  /// The items have left theirs.
  void bind_timed_inputs() {
    for (Candidate& candidate : candidates_) {
      if (candidate.session == nullptr) continue;
      for (const auto& [name, tensor] : inputs_) candidate.session->set_input(name, tensor);
    }
  }

  void warn_all(const std::string& warning) {
    for (Candidate& candidate : candidates_)
      if (candidate.session != nullptr) candidate.row.warnings.push_back(warning);
  }

  /// One item through all cases, so that it is read once. False when the reference is not finite and nothing can be
  /// compared with it; when it fails its session is gone.
  bool check_item(const ItemSource& items, std::int64_t index, const std::string& output, Candidate& base,
                  std::vector<OutputCheck>& checks) {
    const TensorMap item = items.item(index);
    Tensor reference;
    if (!guarded(base, [&] { reference = output_of(*base.session, item, output); })) return true;
    if (!all_finite(reference.as<float>())) return false;
    const std::vector<std::optional<std::int64_t>> labels = labels_for(reference, items, index);
    for (std::size_t c = 0; c < candidates_.size(); ++c) {
      Candidate& candidate = candidates_[c];
      if (candidate.session == nullptr) continue;
      guarded(candidate, [&] {
        checks[c].add(reference, &candidate == &base ? reference : output_of(*candidate.session, item, output), labels);
      });
    }
    return true;
  }

  // ---- speed --------------------------------------------------------------------------------------------------

  void measure_all() {
    std::vector<Candidate*> running;
    std::vector<Inference> inferences;
    for (Candidate& candidate : candidates_) {
      if (candidate.session == nullptr) continue;
      running.push_back(&candidate);
      inferences.emplace_back([session = candidate.session.get()] { session->infer(); });
    }
    if (running.empty()) return;
    if (!stopped()) measure_peaks(running);
    stage("measuring");
    std::vector<CaseSamples> samples = measure(inferences, options_.measure, clock_, events_.progress, events_.stopped);
    for (CaseSamples& taken : samples)
      for (double& value : taken.seconds) value *= milli;
    stage("summarising");
    const Candidate* base = baseline();
    if (base != nullptr) report_.baseline = base->row.precision;
    const std::vector<double>* base_samples = nullptr;
    for (std::size_t i = 0; i < running.size(); ++i)
      if (running[i] == base && !samples[i].failure) base_samples = &samples[i].seconds;
    for (std::size_t i = 0; i < running.size(); ++i) summarize_case(*running[i], samples[i], base_samples);
  }

  void measure_peaks(const std::vector<Candidate*>& running) {
    if (!options_.peak) return;
    std::map<Isa, PeakRates> peaks;
    for (Candidate* candidate : running) {
      const Isa isa = candidate->row.isa;
      if (!peaks.contains(isa)) {
        stage("measuring the peak of " + std::string(name_of(isa)));
        peaks[isa] = options_.peak(isa, candidate->session->threads());
      }
      candidate->row.peak_gflops = peak_of(candidate->row.work, peaks[isa]);
    }
  }

  void summarize_case(Candidate& candidate, const CaseSamples& taken, const std::vector<double>* base) const {
    CaseReport& row = candidate.row;
    if (taken.failure || taken.seconds.empty()) {
      row.status = CaseStatus::failed;
      row.reason = taken.failure.value_or(stopped() ? interrupted : "no sample was taken");
      return;
    }
    for (const SessionWarning& warning : candidate.session->warnings()) row.warnings.push_back(warning.message);
    row.samples = static_cast<int>(taken.seconds.size());
    row.latency_ms = summarize(taken.seconds, options_.seed);
    const double seconds = row.latency_ms.p50 / milli;
    if (!(seconds > 0)) return;
    const double busy = std::accumulate(taken.seconds.begin(), taken.seconds.end(), 0.0) / milli;
    row.throughput_per_s = report_.batch * static_cast<double>(taken.seconds.size()) / busy;
    row.gflops = candidate.session->gflop() / seconds;
    if (row.peak_gflops && *row.peak_gflops > 0) row.peak_fraction = row.gflops / *row.peak_gflops;
    if (base == nullptr) return;
    row.speedup_vs_fp32 = median(*base) / row.latency_ms.p50;
    if (base != &taken.seconds) row.speedup_ci95 = ratio_interval(*base, taken.seconds, options_.seed);
  }

  const Model& model_;
  const ComparisonOptions& options_;
  const ComparisonEvents& events_;
  Clock clock_;
  TensorMap inputs_;
  std::vector<Candidate> candidates_;
  std::optional<double> resident_at_start_;  ///< before the first case
  ModelReport report_;
};

}  // namespace

ModelReport compare_model(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events) {
  return Comparison(model, options, events).run();
}

}  // namespace tessera
