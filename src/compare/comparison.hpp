// One model through all its cases, at one batch and sequence length or at several: prepare each, compare outputs with
// FP32, measure side by side, fill in the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compare/cases.hpp"
#include "compare/measure.hpp"
#include "compare/report.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// Symbolic extents, as in SessionOptions.
using Extents = std::map<std::string, std::int64_t>;

struct ComparisonOptions {
  std::vector<PlannedCase> cases;
  /// What is compared, one after the other; each case is compiled, and calibrated, once for all of them. Points at
  /// which the model has the same inputs as at an earlier one are left out.
  std::vector<Extents> points = {{}};
  int threads = 0;  ///< as in SessionOptions
  int streams = 1;  ///< likewise; several are measured with all of them busy
  std::vector<TensorMap> calibration;
  bool synthetic_calibration = false;  ///< int8 of a float model without calibration data: on seeded random inputs
  bool tune = false;                   ///< as in SessionOptions: for the cases, not for the FP32 they are compared with
  std::string tune_cache;              ///< likewise
  MeasureOptions measure;              ///< of each point; samples and warmup count inferences
  int profile_runs = 0;                ///< inferences over which every step of every case is timed; 0: no profile
  int accuracy_inputs = 8;             ///< batches of the calibration data, or random ones, where there are no `data`
  /// Real data of the shapes of a point, labelled or not: accuracy is taken on all of it. May be empty.
  std::function<ItemSource(std::size_t point)> data;
  std::string data_name;  ///< for people
  std::uint64_t seed = 1;
  /// Measured multiply-add rates of a tier with that many threads; called once per tier. May be empty.
  std::function<PeakRates(Isa, int)> peak;
};

struct ComparisonEvents {
  std::function<void(const std::string&)> stage;  ///< what begins now: "preparing int8@avx2"
  std::function<void(const MeasureProgress&)> progress;
  std::function<void(const std::string&)> note;  ///< what a person should know, but no row says
  std::function<bool()> stopped = {};            ///< whether to end with what there is; asked between inferences
  /// A model failed as a whole at one of its points: its reason is in the report, the others go on. Without it the
  /// error is thrown.
  std::function<void(const Error&)> failed = {};
};

/// Never throws for what happens to one case (its row says it).
ModelReport compare_model(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events = {});

}  // namespace tessera
