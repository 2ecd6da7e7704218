#include "compare/speed.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <numeric>
#include <utility>

#include "compare/busy_streams.hpp"
#include "compare/profile.hpp"
#include "compare/statistics.hpp"
#include "compare/work_share.hpp"

namespace tessera {
namespace {

constexpr double milli = 1e3;

/// A case on the clock. One stream: a sample is an inference on the inputs that are set. Several: a sample is a burst
/// of requests that keeps all streams busy.
struct Runner {
  Candidate* candidate = nullptr;
  std::unique_ptr<BusyStreams> busy;  ///< null: one stream

  /// Inferences of one sample.
  [[nodiscard]] int inferences() const { return busy != nullptr ? busy->requests() : 1; }
  void run() const {
    if (busy != nullptr)
      busy->run();
    else
      candidate->session->infer();
  }
};

/// As many samples as hold that many inferences.
int samples_for(int inferences, int of_one) {
  return (inferences + of_one - 1) / of_one;
}

class Speed {
 public:
  Speed(const ComparisonOptions& options, const ComparisonEvents& events, const ComparedPoint& point,
        std::vector<Candidate>& candidates, PointReport& report)
      : options_(options), events_(events), candidates_(candidates), report_(report), clock_(steady_clock()) {
    for (Candidate& candidate : candidates) {
      if (candidate.session == nullptr) continue;
      Runner& runner = runners_.emplace_back(Runner{&candidate, nullptr});
      if (candidate.session->streams() > 1)
        runner.busy = std::make_unique<BusyStreams>(*candidate.session, point.inputs, clock_);
    }
  }

  void run() {
    if (runners_.empty()) return;
    if (!stopped()) measure_peaks();
    stage("measuring");
    std::vector<Inference> inferences;
    for (const Runner& runner : runners_) inferences.emplace_back([&runner] { runner.run(); });
    // All sessions have as many streams.
    MeasureOptions protocol = options_.measure;
    protocol.samples = samples_for(protocol.samples, runners_.front().inferences());
    protocol.warmup = samples_for(protocol.warmup, runners_.front().inferences());
    const std::vector<CaseSamples> samples = measure(inferences, protocol, clock_, events_.progress, events_.stopped);
    stage("summarising");
    const Candidate* base = baseline_of(candidates_);
    if (base != nullptr) report_.baseline = base->row.precision;
    const std::vector<double>* base_samples = nullptr;
    for (std::size_t i = 0; i < runners_.size(); ++i)
      if (runners_[i].candidate == base && !samples[i].failure) base_samples = &samples[i].seconds;
    for (std::size_t i = 0; i < runners_.size(); ++i) summarize_case(runners_[i], samples[i], base_samples);
    if (options_.profile_runs > 0) profile_all();
  }

 private:
  void stage(const std::string& activity) const {
    if (events_.stage) events_.stage(activity);
  }
  [[nodiscard]] bool stopped() const { return events_.stopped && events_.stopped(); }

  void measure_peaks() {
    if (!options_.peak) return;
    std::map<Isa, PeakRates> peaks;
    for (const Runner& runner : runners_) {
      CaseReport& row = runner.candidate->row;
      if (!peaks.contains(row.isa)) {
        stage("measuring the peak of " + std::string(name_of(row.isa)));
        peaks[row.isa] = options_.peak(row.isa, row.streams * row.threads);
      }
      row.peak_gflops = peak_of(row.work, peaks[row.isa]);
    }
  }

  void summarize_case(const Runner& runner, const CaseSamples& taken, const std::vector<double>* base) const {
    CaseReport& row = runner.candidate->row;
    if (taken.failure || taken.seconds.empty()) {
      row.status = CaseStatus::failed;
      row.reason = taken.failure.value_or(stopped() ? interrupted_reason : "no sample was taken");
      return;
    }
    const Session& session = *runner.candidate->session;
    for (const SessionWarning& warning : session.warnings()) row.warnings.push_back(warning.message);
    std::vector<double> latencies =
        runner.busy != nullptr ? runner.busy->latencies(taken.seconds.size()) : taken.seconds;
    for (double& latency : latencies) latency *= milli;
    row.samples = static_cast<int>(latencies.size());
    row.latency_ms = summarize(latencies, options_.seed);
    const double inferences = runner.inferences();
    const double seconds = median(taken.seconds);
    if (!(seconds > 0)) return;
    const double busy = std::accumulate(taken.seconds.begin(), taken.seconds.end(), 0.0);
    row.throughput_per_s = report_.batch * inferences * static_cast<double>(taken.seconds.size()) / busy;
    row.gflops = session.gflop() * inferences / seconds;
    if (row.peak_gflops && *row.peak_gflops > 0) row.peak_fraction = row.gflops / *row.peak_gflops;
    if (base == nullptr) return;
    row.speedup_vs_fp32 = median(*base) / seconds;
    if (base != &taken.seconds) row.speedup_ci95 = ratio_interval(*base, taken.seconds, options_.seed);
  }

  void profile_all() const {
    for (const Runner& runner : runners_) {
      if (stopped()) return;
      if (runner.candidate->row.status != CaseStatus::ok) continue;
      stage("profiling " + runner.candidate->row.name);
      runner.candidate->row.profile = profile_layers(*runner.candidate->session, options_.profile_runs);
    }
  }

  const ComparisonOptions& options_;
  const ComparisonEvents& events_;
  std::vector<Candidate>& candidates_;
  PointReport& report_;
  Clock clock_;
  std::vector<Runner> runners_;
};

}  // namespace

void measure_speed(const ComparisonOptions& options, const ComparisonEvents& events, const ComparedPoint& point,
                   std::vector<Candidate>& candidates, PointReport& report) {
  Speed(options, events, point, candidates, report).run();
}

}  // namespace tessera
