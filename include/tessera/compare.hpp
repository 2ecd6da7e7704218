// The comparison of `tessera compare`: precisions and instruction sets side by side, with what each costs in accuracy.
// Part of tessera::compare.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/export.h"
#include "tessera/tessera.hpp"

namespace tessera {

struct CompareOptions {
  /// `PRECISION[@ISA]`, such as `int8@avx512_core_vnni`. Empty: `fp32`, `bf16@avx512_core_amx`, `int8@avx512_core_vnni`
  /// and `int8@avx512_core_amx`. One that this machine lacks keeps its row, which says why, and its precision is also
  /// run on the best tier there is.
  std::vector<std::string> cases = {};
  std::map<std::string, std::int64_t> extents = {};  ///< as in SessionOptions
  /// Extents with several values, {{"batch", {1, 4, 16}}}: every model runs at all combinations, the first symbol
  /// varying fastest, loaded and calibrated once, and appears once in the report with all its points.
  std::map<std::string, std::vector<std::int64_t>> sweep = {};
  int threads = 0;  ///< as in SessionOptions
  /// Likewise. With several, or 0, throughput is measured with all streams busy, and times are those of one request.
  int streams = 1;
  int warmup = 20, samples = 1000;          ///< inferences of each case, at each point
  double max_seconds = 0;                   ///< for each model; 0: no limit
  int profile_runs = 0;                     ///< inferences over which every layer is timed, for the rooflines; 0: none
  std::string calibration = {};             ///< for int8: path of data, as in read_items(); empty: seeded noise
  std::string data = {};                    ///< for the accuracy: likewise; empty: seeded inputs
  std::optional<int> accuracy_inputs = {};  ///< inputs for the accuracy; nothing: all of `data`, or 8
  std::uint64_t seed = 1;
  bool strict = false;  ///< Error{unavailable} for a case that this machine lacks
  /// "resnet50: preparing int8@avx2", and the share of the measurement that is done.
  std::function<void(std::string_view activity, double fraction)> progress = {};
};

/// What was measured, in every form that the command line writes. It does not change; any number of threads may read
/// it.
class TESSERA_API Comparison {
 public:
  Comparison(Comparison&&) noexcept;
  Comparison& operator=(Comparison&&) noexcept;
  ~Comparison();

  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::string csv() const;
  [[nodiscard]] std::string html() const;                 ///< one page that needs nothing else
  [[nodiscard]] std::string text(int width = 100) const;  ///< tables for a terminal
  /// report.json, .csv, .html and two charts for each model, three or four of a sweep. They appear together or not at
  /// all.
  void save(const std::string& folder) const;

  struct Impl;
  explicit Comparison(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Runs all cases of each model (a built-in name, an .onnx file, a Hugging Face folder) in turns, in random order. What
/// happens to one case is in its row. Error{invalid} for a case or a model that does not exist.
TESSERA_API Comparison compare(const std::vector<std::string>& models, const CompareOptions& options = {});

}  // namespace tessera
