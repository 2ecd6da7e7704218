// The report as plain data. Its JSON form (report_json.cpp) is a contract; every other form is drawn from the same
// structs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/cases.hpp"
#include "compare/layer_profile.hpp"
#include "compare/peak_rates.hpp"
#include "compare/statistics.hpp"
#include "quantize/accuracy.hpp"

namespace tessera {

struct MachineReport {
  std::string cpu;
  Isa isa = Isa::avx2;  ///< best tier under the ceiling
  std::vector<std::string> features;
  int usable_cpus = 1;
  int threads = 1;  ///< of all streams together
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
  int streams = 1, threads = 1;  ///< requests that run side by side, and the threads of each
  int samples = 0;               ///< of the latency
  Summary latency_ms;            ///< of one inference; of several streams: of one request while all are busy
  double throughput_per_s = 0;   ///< items over the time that all samples together took, of all streams
  std::optional<double> speedup_vs_fp32;
  std::optional<Interval> speedup_ci95;
  double gflops = 0;                  ///< Gop/s in int8; of all streams
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
  std::optional<LayerProfile> profile;
};

/// A model at one batch and sequence length.
struct PointReport {
  int batch = 1;
  std::optional<int> seq;
  /// What the case that speeds and outputs are compared with is computed in. Not fp32 where the file holds integers.
  Precision baseline = Precision::fp32;
  std::string accuracy_inputs;  ///< "8 seeded random inputs", for people
  std::string failure;          ///< why there are no cases: the model could not be read, or not prepared at all
  std::vector<CaseReport> cases;
};

struct ModelReport {
  std::string name;
  std::string source;  ///< a path, or "built-in"
  bool synthetic_weights = false;
  std::vector<PointReport> points;  ///< at least one; several: a sweep

  [[nodiscard]] bool is_sweep() const noexcept { return points.size() > 1; }
};

/// Whether accuracy was taken on labelled data.
bool is_scored(const PointReport& point) noexcept;

/// What cases are compared with, for people: "FP32", or "the file's own INT8".
std::string_view baseline_name(const PointReport& point) noexcept;

/// The warnings of all cases, each once, with the names of the cases that it is about.
std::vector<std::string> warnings_of(const PointReport& point);

/// "batch 4, sequence 128", with what `joint` says between them.
std::string extents_text(const PointReport& point, std::string_view joint = ", ");

/// What a case runs where that is not what its name says, or not nearly all of it: "int8", "int8 62 %"; else empty.
std::string departure_of(const CaseReport& row);

/// "2 threads", or of several streams "2 streams x 1 thread".
std::string team_text(int streams, int threads);

struct Report {
  std::string version;
  std::string created;   ///< "2026-01-31T12:00:00Z"
  bool partial = false;  ///< it was interrupted: models, cases or samples are missing
  MachineReport machine;
  ProtocolReport protocol;
  std::vector<ModelReport> models;
};

/// The threads that the report is about, as team_text.
std::string team_of(const Report& report);

}  // namespace tessera
