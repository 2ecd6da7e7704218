// A made-up comparison with every kind of row, for the tests of the report writers.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "compare/report.hpp"

namespace tessera {

/// How often `part` stands in `text`.
inline std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

inline CaseReport measured_case(const std::string& name, Precision precision, Isa isa, double median_ms,
                                double fp32_ms) {
  CaseReport row;
  row.name = name;
  row.precision = precision;
  row.isa = isa;
  row.samples = 1000;
  row.threads = 2;
  row.latency_ms = {.min = median_ms * 0.97,
                    .p10 = median_ms * 0.985,
                    .p50 = median_ms,
                    .p90 = median_ms * 1.04,
                    .p99 = median_ms * 1.13,
                    .max = median_ms * 1.6,
                    .mean = median_ms * 1.01,
                    .ci95 = {median_ms * 0.998, median_ms * 1.003}};
  row.throughput_per_s = 1000.0 / median_ms;
  row.speedup_vs_fp32 = fp32_ms / median_ms;
  row.speedup_ci95 = Interval{*row.speedup_vs_fp32 * 0.99, *row.speedup_vs_fp32 * 1.01};
  row.gflops = 0.74 * (precision == Precision::int8 ? 818.0 : 210.0) * (precision == Precision::bf16 ? 1.1 : 1.0);
  row.peak_gflops = precision == Precision::int8 ? 820.0 : 210.0;
  row.peak_fraction = row.gflops / *row.peak_gflops;
  row.accuracy = Accuracy{.cosine = precision == Precision::fp32 ? 1.0 : 0.99871,
                          .sqnr_db = precision == Precision::fp32 ? std::numeric_limits<double>::infinity() : 28.34,
                          .top1_agreement = precision == Precision::fp32 ? 1.0 : 0.984,
                          .relative_l2 = precision == Precision::fp32 ? 0.0 : 0.0383,
                          .inputs = 8};
  row.memory = {.weights_mb = precision == Precision::fp32 ? 102.3 : 25.8, .arena_mb = 4.7, .rss_mb = 310.5};
  row.prepare_ms = 412.7;
  row.first_inference_ms = median_ms * 1.9;
  return row;
}

inline CaseReport missing_case(const std::string& name, Precision precision, Isa isa, CaseStatus status,
                               const std::string& reason) {
  CaseReport row;
  row.name = name;
  row.precision = precision;
  row.isa = isa;
  row.status = status;
  row.reason = reason;
  return row;
}

inline ModelReport example_model(const std::string& name, double fp32_ms, double bf16_ms, double int8_ms) {
  ModelReport model;
  model.name = name;
  model.source = "built-in, synthetic weights";
  model.synthetic_weights = true;
  PointReport& point = model.points.emplace_back();
  point.accuracy_inputs = "8 seeded random inputs";
  const std::string no_amx = "this CPU has no AMX (amx_tile, amx_int8, amx_bf16)";
  point.cases = {
      measured_case("fp32", Precision::fp32, Isa::avx2, fp32_ms, fp32_ms),
      missing_case("bf16@avx512_core_amx", Precision::bf16, Isa::avx512_core_amx, CaseStatus::unavailable, no_amx),
      measured_case("bf16@avx2", Precision::bf16, Isa::avx2, bf16_ms, fp32_ms),
      missing_case("int8@avx512_core_vnni", Precision::int8, Isa::avx512_core_vnni, CaseStatus::unavailable,
                   "this CPU has no avx512_vnni"),
      missing_case("int8@avx512_core_amx", Precision::int8, Isa::avx512_core_amx, CaseStatus::unavailable, no_amx),
      measured_case("int8@avx2", Precision::int8, Isa::avx2, int8_ms, fp32_ms)};
  return model;
}

inline Report example_report() {
  Report report;
  report.version = "0.1.0";
  report.created = "2026-01-31T12:00:00Z";
  report.machine.cpu = "AMD EPYC 7763 64-Core Processor";
  report.machine.isa = Isa::avx2;
  report.machine.features = {"avx2", "fma", "f16c", "bmi2"};
  report.machine.usable_cpus = 2;
  report.machine.threads = 2;
  report.machine.kernel = "Linux 6.1.0";
  report.machine.peak = {.fp32_gflops = 212.4, .bf16_gflops = 207.9, .int8_gops = 818.0};
  report.protocol = {.warmup = 20, .samples = 1000, .max_seconds = 120};
  report.models = {example_model("resnet50", 38.42, 34.07, 13.91), example_model("bert-base", 117.3, 96.4, 48.62)};
  report.models.back().points.front().seq = 128;
  return report;
}

}  // namespace tessera
