// The comparison in C.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "c_api/guard.hpp"
#include "c_api/values.hpp"
#include "core/error.hpp"
#include "tessera/compare.h"
#include "tessera/compare.hpp"

struct tessera_comparison {
  explicit tessera_comparison(tessera::Comparison the_comparison)
      : comparison(std::move(the_comparison)), json(comparison.json()), text(comparison.text()) {}

  tessera::Comparison comparison;
  std::string json, text;  ///< lent
};

namespace tessera {
namespace {

/// The numbers of each symbol, in their order. compare() sweeps over what has one number, too.
std::map<std::string, std::vector<std::int64_t>> sweep_of(const tessera_extent* extents, std::size_t count) {
  if (count > 0) require(extents, "extents");
  std::map<std::string, std::vector<std::int64_t>> sweep;
  for (std::size_t i = 0; i < count; ++i) {
    require(extents[i].symbol, "extents.symbol");
    sweep[extents[i].symbol].push_back(extents[i].value);
  }
  return sweep;
}

/// 0 is what is usual, -1 is 0.
int count_of(int given, int usual) {
  return given == 0 ? usual : std::max(given, 0);
}

CompareOptions compare_options(const tessera_compare_options* given) {
  const auto [struct_size, cases, case_count, extents, extent_count, threads, streams, warmup, samples, max_seconds,
              profile_runs, calibration, data, accuracy_inputs, seed, strict, progress, progress_user] =
      options_of(given, "tessera_compare_options");
  const CompareOptions usual;
  CompareOptions options = {.cases = strings(cases, case_count, "cases"),
                            .sweep = sweep_of(extents, extent_count),
                            .threads = threads,
                            .streams = stream_count(streams),
                            .warmup = count_of(warmup, usual.warmup),
                            .samples = samples == 0 ? usual.samples : samples,
                            .max_seconds = max_seconds,
                            .profile_runs = profile_runs,
                            .calibration = calibration == nullptr ? "" : calibration,
                            .data = data == nullptr ? "" : data,
                            .seed = seed == 0 ? usual.seed : seed,
                            .strict = strict != 0};
  if (accuracy_inputs > 0) options.accuracy_inputs = accuracy_inputs;
  if (progress != nullptr)
    options.progress = [tell = progress, user = progress_user](std::string_view activity, double fraction) {
      tell(user, std::string(activity).c_str(), fraction);
    };
  return options;
}

}  // namespace
}  // namespace tessera

extern "C" {

tessera_status tessera_compare(const char* const* models, size_t model_count, const tessera_compare_options* options,
                               tessera_comparison** comparison) {
  return tessera::guarded([&] {
    tessera::require(comparison, "comparison");
    *comparison = nullptr;
    const std::vector<std::string> names = tessera::strings(models, model_count, "models");
    if (names.empty()) tessera::reject("models", "there are none", "give at least one");
    *comparison =
        std::make_unique<tessera_comparison>(tessera::compare(names, tessera::compare_options(options))).release();
  });
}

void tessera_comparison_free(tessera_comparison* comparison) {
  delete comparison;
}

const char* tessera_comparison_json(const tessera_comparison* comparison) {
  return comparison == nullptr ? nullptr : comparison->json.c_str();
}
const char* tessera_comparison_text(const tessera_comparison* comparison) {
  return comparison == nullptr ? nullptr : comparison->text.c_str();
}

tessera_status tessera_comparison_save(const tessera_comparison* comparison, const char* folder) {
  return tessera::guarded([&] {
    tessera::require(comparison, "comparison");
    tessera::require(folder, "folder");
    comparison->comparison.save(folder);
  });
}

}  // extern "C"
