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
  std::optional<double>
      rss_mb;  ///< the whole process after this case's first inference; nothing where the system does not say
};

struct CaseReport {
  std::string name;
  Precision precision = Precision::fp32;
  Isa isa = Isa::avx2;
  CaseStatus status = CaseStatus::ok;
  std::string reason;  ///< why the row is unavailable or failed

  // The rest is meaningful only when status is ok.
  int samples = 0;
  Summary latency_ms;
  double throughput_per_s = 0;  ///< batch / median
  std::optional<double> speedup_vs_fp32;
  std::optional<Interval> speedup_ci95;
  double gflops = 0;                  ///< Gop/s in int8
  std::optional<double> peak_gflops;  ///< what the machine reached for this precision on this tier
  std::optional<double> peak_fraction;
  std::optional<Accuracy> accuracy;  ///< against FP32
  std::optional<double> top1;        ///< share of the items whose largest output is their label, on labelled data
  std::string output_sha256;         ///< of the outputs that `accuracy` is about; equal rows computed the same bits
  MemoryReport memory;
  double prepare_ms = 0;
  double first_inference_ms = 0;
};

struct ModelReport {
  std::string name;
  std::string source;  ///< a path, or "built-in"
  int batch = 1;
  std::optional<int> seq;
  bool synthetic_weights = false;
  std::string accuracy_inputs;  ///< "8 seeded random inputs", for people
  std::vector<CaseReport> cases;
};

/// Whether accuracy was taken on labelled data.
bool is_scored(const ModelReport& model) noexcept;

struct Report {
  std::string version;
  std::string created;  ///< "2026-01-31T12:00:00Z"
  MachineReport machine;
  ProtocolReport protocol;
  std::vector<ModelReport> models;
};

}  // namespace tessera
