#include "compare/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <new>
#include <numeric>
#include <random>
#include <utility>

namespace tessera {
namespace {

// Warm-up may use this share of the time budget, so that slow cases still leave time to be measured.
constexpr double warmup_share = 0.2;

class Measurement {
 public:
  Measurement(std::span<const Inference> cases, const MeasureOptions& options, const Clock& clock,
              const std::function<void(const MeasureProgress&)>& progress, const std::function<bool()>& stopped)
      : cases_(cases),
        options_(options),
        clock_(clock),
        progress_(progress),
        stopped_(stopped),
        results_(cases.size()),
        start_(clock()) {}

  std::vector<CaseSamples> run() {
    for (std::size_t index = 0; index < cases_.size(); ++index) warm_up(index);
    const double rounds_start = clock_();
    while (rounds_ < options_.samples && has_time_for_round(rounds_start) && any_alive() && !stopped()) {
      run_round();
      ++rounds_;
    }
    return std::move(results_);
  }

 private:
  [[nodiscard]] bool stopped() const { return stopped_ && stopped_(); }
  [[nodiscard]] bool limited() const noexcept { return options_.max_seconds > 0; }
  [[nodiscard]] double elapsed() const { return clock_() - start_; }
  [[nodiscard]] bool any_alive() const noexcept {
    return std::any_of(results_.begin(), results_.end(), [](const CaseSamples& result) { return !result.failure; });
  }

  void warm_up(std::size_t index) {
    const double share = warmup_share * options_.max_seconds / static_cast<double>(cases_.size());
    const double begin = clock_();
    for (int call = 0; call < options_.warmup && !results_[index].failure && !stopped(); ++call) {
      if (limited() && call > 0 && clock_() - begin >= share) break;
      time_once(index);
      report();
    }
  }

  /// A round is begun when one as long as the mean so far still fits, or when there are too few to say anything.
  [[nodiscard]] bool has_time_for_round(double rounds_start) const {
    if (!limited() || rounds_ < options_.min_samples) return true;
    const double mean_round = (clock_() - rounds_start) / rounds_;
    return elapsed() + mean_round <= options_.max_seconds;
  }

  void run_round() {
    std::vector<std::size_t> order(cases_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_() % i]);
    for (const std::size_t index : order) {
      if (results_[index].failure) continue;
      if (stopped()) return;
      if (const auto seconds = time_once(index)) results_[index].seconds.push_back(*seconds);
      report();
    }
  }

  /// The time of one inference; nothing when it threw, which takes the case out of the rounds.
  std::optional<double> time_once(std::size_t index) {
    try {
      const double begin = clock_();
      cases_[index]();
      return clock_() - begin;
    } catch (const std::bad_alloc&) {
      results_[index].failure = "out of memory";
    } catch (const std::exception& error) {
      results_[index].failure = error.what();
    }
    return std::nullopt;
  }

  /// Progress in inferences or in time, whichever is further: the first to reach its end stops the measurement.
  void report() {
    ++calls_;
    if (!progress_) return;
    const double all_calls =
        static_cast<double>(cases_.size()) * (static_cast<double>(options_.warmup) + options_.samples);
    double fraction = static_cast<double>(calls_) / all_calls;
    if (limited()) fraction = std::max(fraction, elapsed() / options_.max_seconds);
    progress_({std::min(fraction, 1.0), rounds_});
  }

  std::span<const Inference> cases_;
  const MeasureOptions& options_;
  const Clock& clock_;
  const std::function<void(const MeasureProgress&)>& progress_;
  const std::function<bool()>& stopped_;
  std::vector<CaseSamples> results_;
  double start_;
  int rounds_ = 0;
  std::int64_t calls_ = 0;
  std::minstd_rand random_{static_cast<std::minstd_rand::result_type>(options_.seed)};
};

}  // namespace

Clock steady_clock() {
  return [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
}

std::vector<CaseSamples> measure(std::span<const Inference> cases, const MeasureOptions& options, const Clock& clock,
                                 const std::function<void(const MeasureProgress&)>& progress,
                                 const std::function<bool()>& stopped) {
  return Measurement(cases, options, clock, progress, stopped).run();
}

}  // namespace tessera
