#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "compare/profile_json.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

// Insertion order is kept so that a person reading the file finds it in the order the interface describes.
using Json = nlohmann::ordered_json;

Json number(const std::optional<double>& value) {
  // JSON has no infinity; null says "no finite figure" (an SQNR of equal outputs).
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json interval(const std::optional<Interval>& value) {
  return value ? Json::array({number(value->low), number(value->high)}) : Json(nullptr);
}

Json latency(const Summary& summary) {
  return {{"min", summary.min}, {"p10", summary.p10}, {"p50", summary.p50},   {"p90", summary.p90},
          {"p99", summary.p99}, {"max", summary.max}, {"mean", summary.mean}, {"ci95", interval(summary.ci95)}};
}

Json accuracy(const std::optional<Accuracy>& value, const std::optional<double>& top1) {
  if (!value) return nullptr;
  return {{"cosine", number(value->cosine)},
          {"sqnr_db", number(value->sqnr_db)},
          {"top1_agreement", number(value->top1_agreement)},
          {"relative_l2", number(value->relative_l2)},
          {"top1", number(top1)},
          {"inputs", value->inputs}};
}

/// Shares of the multiply-adds by format; null where nothing ran.
Json multiplies(const WorkShare& work) {
  if (work.fp32 + work.bf16 + work.int8 == 0) return nullptr;
  return {{"fp32", work.fp32}, {"bf16", work.bf16}, {"int8", work.int8}};
}

Json measured_case(const CaseReport& row) {
  const bool ok = row.status == CaseStatus::ok;
  Json json = {{"case", row.name},
               {"precision", name_of(row.precision)},
               {"multiplies", multiplies(row.work)},
               {"isa", name_of(row.isa)},
               {"status", name_of(row.status)},
               {"reason", row.reason.empty() ? Json(nullptr) : Json(row.reason)}};
  json["streams"] = ok ? Json(row.streams) : Json(nullptr);
  json["threads"] = ok ? Json(row.threads) : Json(nullptr);
  json["samples"] = ok ? row.samples : 0;
  json["latency_ms"] = ok ? latency(row.latency_ms) : Json(nullptr);
  json["throughput_per_s"] = ok ? Json(row.throughput_per_s) : Json(nullptr);
  json["speedup_vs_fp32"] = number(row.speedup_vs_fp32);
  json["speedup_ci95"] = interval(row.speedup_ci95);
  json["gflops"] = ok ? Json(row.gflops) : Json(nullptr);
  json["peak_gflops"] = number(row.peak_gflops);
  json["peak_fraction"] = number(row.peak_fraction);
  json["accuracy"] = accuracy(row.accuracy, row.top1);
  json["output_sha256"] = row.output_sha256.empty() ? Json(nullptr) : Json(row.output_sha256);
  json["memory_mb"] =
      ok ? Json{{"weights", row.memory.weights_mb}, {"arena", row.memory.arena_mb}, {"rss", number(row.memory.rss_mb)}}
         : Json(nullptr);
  json["prepare_ms"] = ok ? Json(row.prepare_ms) : Json(nullptr);
  json["calibration_ms"] = ok ? Json(row.calibration_ms) : Json(nullptr);
  json["first_inference_ms"] = ok ? Json(row.first_inference_ms) : Json(nullptr);
  json["warnings"] = row.warnings;
  if (row.profile) json["profile"] = profile_json(*row.profile);
  return json;
}

Json machine(const MachineReport& report) {
  return {{"cpu", report.cpu},
          {"isa", name_of(report.isa)},
          {"features", report.features},
          {"usable_cpus", report.usable_cpus},
          {"threads", report.threads},
          {"kernel", report.kernel},
          {"peak",
           {{"fp32_gflops", number(report.peak.fp32_gflops)},
            {"bf16_gflops", number(report.peak.bf16_gflops)},
            {"int8_gops", number(report.peak.int8_gops)}}}};
}

void add_point(Json& json, const PointReport& point) {
  json["batch"] = point.batch;
  json["seq"] = point.seq ? Json(*point.seq) : Json(nullptr);
  json["accuracy_inputs"] = point.accuracy_inputs;
  json["baseline_precision"] = name_of(point.baseline);
  if (!point.failure.empty()) json["failure"] = point.failure;
  json["cases"] = Json::array();
  for (const CaseReport& row : point.cases) json["cases"].push_back(measured_case(row));
}

/// The first point stands in the model itself; all points of a sweep stand in "points".
Json model(const ModelReport& report) {
  Json json = {{"name", report.name}, {"source", report.source}, {"synthetic_weights", report.synthetic_weights}};
  add_point(json, report.points.front());
  if (!report.is_sweep()) return json;
  json["points"] = Json::array();
  for (const PointReport& point : report.points) add_point(json["points"].emplace_back(), point);
  return json;
}

}  // namespace

std::string report_json(const Report& report) {
  Json json = {{"tessera", {{"version", report.version}}},
               {"created", report.created},
               {"partial", report.partial},
               {"machine", machine(report.machine)},
               {"protocol",
                {{"warmup", report.protocol.warmup},
                 {"samples", report.protocol.samples},
                 {"max_seconds", report.protocol.max_seconds > 0 ? Json(report.protocol.max_seconds) : Json(nullptr)},
                 {"tuned", report.protocol.tuned}}},
               {"models", Json::array()}};
  for (const ModelReport& entry : report.models) json["models"].push_back(model(entry));
  // A path or a message may hold bytes that are not UTF-8; they are replaced, never a reason to lose the report.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tessera
