#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "compare/writers.hpp"

namespace tessera {
namespace {

/// RFC 4180: quoted where a comma, quote or line break would be misread. What a spreadsheet would take for a formula
/// (names come from files) gets an apostrophe in front, which makes it text there.
std::string field(std::string_view text) {
  const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = formula ? "\"'" : "\"";
  for (const char letter : text) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + "\"";
}

/// The shortest digits that read back as the same number; empty where there is none.
std::string cell_of(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return {};
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *value).ptr};
}

constexpr std::string_view header =
    "model,source,batch,seq,case,precision,isa,status,reason,samples,min_ms,p10_ms,p50_ms,p90_ms,p99_ms,max_ms,mean_ms,"
    "ci95_low_ms,ci95_high_ms,throughput_per_s,speedup_vs_fp32,speedup_ci95_low,speedup_ci95_high,gflops,peak_gflops,"
    "peak_fraction,cosine,sqnr_db,top1_agreement,relative_l2,top1,weights_mb,arena_mb,rss_mb,prepare_ms,"
    "calibration_ms,first_inference_ms,baseline_precision,warnings,partial,cpu,threads,streams,threads_of_each";

std::string line(const Report& report, const ModelReport& model, const PointReport& point, const CaseReport& row) {
  std::string text;
  const auto add = [&text](std::string_view cell) { (text += field(cell)) += ','; };
  const auto add_number = [&text](const std::string& digits) { (text += digits) += ','; };
  const auto add_if = [&](bool known, double value) { add_number(known ? cell_of(value) : std::string()); };
  const bool ok = row.status == CaseStatus::ok;
  const Summary& time = row.latency_ms;
  add(model.name), add(model.source), add(std::to_string(point.batch)),
      add(point.seq ? std::to_string(*point.seq) : "");
  add(row.name), add(name_of(row.precision)), add(name_of(row.isa)), add(name_of(row.status)), add(row.reason);
  add(ok ? std::to_string(row.samples) : "0");
  for (const double value : {time.min, time.p10, time.p50, time.p90, time.p99, time.max, time.mean, time.ci95.low,
                             time.ci95.high, row.throughput_per_s})
    add_if(ok, value);
  add_number(cell_of(row.speedup_vs_fp32));
  const Interval speedup = row.speedup_ci95.value_or(Interval{});
  add_if(row.speedup_ci95.has_value(), speedup.low), add_if(row.speedup_ci95.has_value(), speedup.high);
  add_if(ok, row.gflops), add_number(cell_of(row.peak_gflops)), add_number(cell_of(row.peak_fraction));
  const Accuracy accuracy = row.accuracy.value_or(Accuracy{});
  for (const double value : {accuracy.cosine, accuracy.sqnr_db, accuracy.top1_agreement, accuracy.relative_l2})
    add_if(row.accuracy.has_value(), value);
  add_number(cell_of(row.top1));
  add_if(ok, row.memory.weights_mb), add_if(ok, row.memory.arena_mb), add_number(cell_of(row.memory.rss_mb));
  add_if(ok, row.prepare_ms), add_if(ok, row.calibration_ms), add_if(ok, row.first_inference_ms);
  std::string warnings;
  for (const std::string& warning : row.warnings) warnings += (warnings.empty() ? "" : "; ") + warning;
  add(name_of(point.baseline)), add(warnings), add(report.partial ? "yes" : "no");
  add(report.machine.cpu);
  add_number(std::to_string(report.machine.threads));
  add_number(ok ? std::to_string(row.streams) : std::string());
  return text + (ok ? std::to_string(row.threads) : std::string()) + "\n";
}

/// In place of the cases of a point that has none.
CaseReport failed_row(const PointReport& point) {
  CaseReport row;
  row.status = CaseStatus::failed;
  row.reason = point.failure;
  return row;
}

}  // namespace

std::string report_csv(const Report& report) {
  std::string text = std::string(header) + "\n";
  for (const ModelReport& model : report.models)
    for (const PointReport& point : model.points) {
      if (!point.failure.empty()) text += line(report, model, point, failed_row(point));
      for (const CaseReport& row : point.cases) text += line(report, model, point, row);
    }
  return text;
}

}  // namespace tessera
