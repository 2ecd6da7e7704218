// One model through all its cases: prepare each, compare outputs with FP32, measure side by side, fill in the report.
#pragma once

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

struct ComparisonOptions {
  std::vector<PlannedCase> cases;
  std::map<std::string, std::int64_t> extents;  ///< as in SessionOptions
  int threads = 0;
  std::vector<TensorMap> calibration;
  bool synthetic_calibration = false;  ///< int8 of a float model without calibration data: on seeded random inputs
  bool tune = false;                   ///< as in SessionOptions: for the cases, not for the FP32 they are compared with
  std::string tune_cache;              ///< likewise
  MeasureOptions measure;
  int accuracy_inputs = 8;  ///< batches of the calibration data, or random ones, where `data` is not given
  /// Real data, labelled or not, of the compiled shapes: accuracy is taken on all of it.
  std::optional<ItemSource> data;
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
  /// Of several models one failed as a whole: its reason is in the report, the others go on. Without it the error is
  /// thrown.
  std::function<void(const Error&)> failed = {};
};

/// Never throws for what happens to one case (its row says it); throws what concerns the model as a whole.
ModelReport compare_model(const Model& model, const ComparisonOptions& options, const ComparisonEvents& events = {});

}  // namespace tessera
