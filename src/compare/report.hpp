// The report as plain data. Its JSON form (report_json.cpp) is a contract; every other form is drawn from the same
// structs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/cases.hpp"
#include "compare/statistics.hpp"
#include "quantize/accuracy.hpp"

namespace tessera {

/// Multiply-add rates this machine reached in a loop without memory traffic, all threads together.
struct PeakRates {
  std::optional<double> fp32_gflops, bf16_gflops, int8_gops;
};

struct MachineReport {
  std::string cpu;
  Isa isa = Isa::avx2;  ///< best tier under the ceiling
  std::vector<std::string> features;
  int usable_cpus = 1;
  int threads = 1;
  std::string kernel;
  PeakRates peak;  ///< on `isa`
};

struct ProtocolReport {
  int warmup = 20;
  int samples = 1000;
  double max_seconds = 0;  ///< per model; 0: no limit
  bool tuned = false;      ///< layers computed in the ways that were timed to be the fastest here
};

enum class CaseStatus { ok, unavailable, failed };
std::string_view name_of(CaseStatus status) noexcept;

struct MemoryReport {
  double weights_mb = 0, arena_mb = 0;
  /// What the process occupied before the first case, and what it grew by for this one up to its first inference: about
  /// what a process of this case alone would take. Nothing where the system does not say.
  std::optional<double> rss_mb;
};

/// Shares of the multiply-adds, together 1.
struct WorkShare {
  double fp32 = 0, bf16 = 0, int8 = 0;
};

struct CaseReport {
  std::string name;                       ///< what was asked for: "int8@avx2"
  Precision precision = Precision::fp32;  ///< what most multiply-adds are computed in; as asked where nothing ran
  Isa isa = Isa::avx2;
  CaseStatus status = CaseStatus::ok;
  std::string reason;  ///< why the row is unavailable or failed

  // The rest is meaningful only when status is ok.
  int samples = 0;
  Summary latency_ms;
  double throughput_per_s = 0;  ///< items over the time that all samples together took
  std::optional<double> speedup_vs_fp32;
  std::optional<Interval> speedup_ci95;
  double gflops = 0;                  ///< Gop/s in int8
  WorkShare work;                     ///< what the multiply-adds are computed in
  std::optional<double> peak_gflops;  ///< what the machine reached for this mixture of formats on this tier
  std::optional<double> peak_fraction;
  std::optional<Accuracy> accuracy;  ///< against FP32
  std::optional<double> top1;        ///< share of the items whose largest output is their label, on labelled data
  std::string output_sha256;         ///< of the outputs that `accuracy` is about; equal rows computed the same bits
  MemoryReport memory;
  double prepare_ms = 0;      ///< compiling, with all of the calibration that the case needs, shared or not
  double calibration_ms = 0;  ///< that part of it
  double first_inference_ms = 0;
  std::vector<std::string> warnings;  ///< why the results may be wrong though nothing failed
};

struct ModelReport {
  std::string name;
  std::string source;  ///< a path, or "built-in"
  int batch = 1;
  std::optional<int> seq;
  bool synthetic_weights = false;
  /// What the case that speeds and outputs are compared with is computed in. Not fp32 where the file holds integers.
  Precision baseline = Precision::fp32;
  std::string accuracy_inputs;  ///< "8 seeded random inputs", for people
  std::string failure;          ///< why there are no cases: the model could not be read, or not prepared at all
  std::vector<CaseReport> cases;
};

/// Whether accuracy was taken on labelled data.
bool is_scored(const ModelReport& model) noexcept;

/// What cases are compared with, for people: "FP32", or "the file's own INT8".
std::string_view baseline_name(const ModelReport& model) noexcept;

/// The warnings of all cases, each once, with the names of the cases that it is about.
std::vector<std::string> warnings_of(const ModelReport& model);

/// What a case runs where that is not what its name says, or not nearly all of it: "int8", "int8 62 %"; else empty.
std::string departure_of(const CaseReport& row);

struct Report {
  std::string version;
  std::string created;   ///< "2026-01-31T12:00:00Z"
  bool partial = false;  ///< it was interrupted: models, cases or samples are missing
  MachineReport machine;
  ProtocolReport protocol;
  std::vector<ModelReport> models;
};

}  // namespace tessera
