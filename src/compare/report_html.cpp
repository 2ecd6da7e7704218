#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "compare/format.hpp"
#include "compare/html_style.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

constexpr std::string_view nothing = "–";

std::string element(std::string_view tag, std::string_view content, std::string_view css = {}) {
  std::string opening = "<" + std::string(tag);
  if (!css.empty()) opening += " class=\"" + std::string(css) + "\"";
  return opening + ">" + std::string(content) + "</" + std::string(tag) + ">";
}

std::string cell(const std::string& figure, const std::string& detail = {}) {
  return element("td", escape_xml(figure) + (detail.empty() ? "" : "<small>" + escape_xml(detail) + "</small>"), "n");
}

std::string optional_cell(const std::optional<double>& value, std::string (*format)(double)) {
  return cell(value ? format(*value) : std::string(nothing));
}

std::string megabytes(double value) {
  return fixed(value, value < 10 ? 1 : 0);
}

// ---- one model ----------------------------------------------------------------------------------------------

const CaseReport* fastest_case(const ModelReport& model) {
  const CaseReport* fastest = nullptr;
  for (const CaseReport& row : model.cases)
    if (row.status == CaseStatus::ok && row.speedup_vs_fp32 &&
        (fastest == nullptr || *row.speedup_vs_fp32 > *fastest->speedup_vs_fp32))
      fastest = &row;
  return fastest;
}

/// The answer first: what the best case here gains and what it costs.
std::string headline(const ModelReport& model) {
  const CaseReport* best = fastest_case(model);
  if (best == nullptr) return {};
  const auto tile = [](const std::string& figure, std::string_view words) {
    return element("div", element("b", escape_xml(figure)) + element("span", words), "tile");
  };
  std::string tiles =
      tile(fixed(*best->speedup_vs_fp32, 2) + "×", "fastest here, against " + std::string(baseline_name(model)) +
                                                       ": <code>" + escape_xml(best->name) + "</code>");
  tiles += tile(milliseconds(best->latency_ms.p50) + " ms", "its median inference time");
  tiles += tile(quantity(best->throughput_per_s) + " /s", "its throughput");
  if (best->accuracy) {
    tiles +=
        tile(cosine_text(best->accuracy->cosine), "cosine of its outputs with " + std::string(baseline_name(model)));
    tiles += best->top1 ? tile(percent(*best->top1), "its top-1 against the labels")
                        : tile(percent(best->accuracy->top1_agreement),
                               "top-1 agreement with " + std::string(baseline_name(model)));
  }
  return element("div", tiles, "tiles");
}

constexpr std::string_view table_head =
    "<thead><tr><th rowspan=\"2\">case</th><th colspan=\"3\">time, ms</th><th colspan=\"2\">speed</th>"
    "<th colspan=\"2\">compute</th><th colspan=\"3\">accuracy against FP32</th><th rowspan=\"2\">top-1, labels</th>"
    "<th colspan=\"2\">memory, MB</th><th colspan=\"2\">start, "
    "ms</th></tr><tr><th>median</th><th>p90</th><th>p99</th><th>per s</th><th>speed-up</th>"
    "<th>G/s</th><th>of peak</th><th>cosine</th><th>SQNR</th><th>top-1</th><th>weights</th><th>arena</th>"
    "<th>prepare</th><th>first</th></tr></thead>";
constexpr int figure_columns = 15;

std::string name_cell(const CaseReport& row) {
  const std::string runs = departure_of(row);
  return "<th scope=\"row\"><i class=\"dot " + std::string(name_of(row.precision)) + "\"></i><code>" +
         escape_xml(row.name) + "</code>" + (runs.empty() ? "" : "<small>runs " + runs + "</small>") + "</th>";
}

std::string measured_cells(const CaseReport& row) {
  const Summary& time = row.latency_ms;
  const auto between = [](const Interval& range, std::string (*format)(double)) {
    return format(range.low) + " to " + format(range.high);
  };
  const auto two_decimals = [](double value) { return fixed(value, 2); };
  std::string cells = cell(milliseconds(time.p50), between(time.ci95, milliseconds));
  cells += cell(milliseconds(time.p90)) + cell(milliseconds(time.p99)) + cell(quantity(row.throughput_per_s));
  if (row.speedup_vs_fp32)
    cells += cell(fixed(*row.speedup_vs_fp32, 2) + "×",
                  row.speedup_ci95 ? between(*row.speedup_ci95, two_decimals) : std::string());
  else
    cells += cell(std::string(nothing));
  cells += cell(quantity(row.gflops)) + optional_cell(row.peak_fraction, percent);
  if (row.accuracy)
    cells += cell(cosine_text(row.accuracy->cosine)) + cell(sqnr_text(row.accuracy->sqnr_db)) +
             cell(percent(row.accuracy->top1_agreement));
  else
    for (int i = 0; i < 3; ++i) cells += cell(std::string(nothing));
  cells += optional_cell(row.top1, percent);
  cells += cell(megabytes(row.memory.weights_mb)) + cell(megabytes(row.memory.arena_mb));
  const std::string of_it = row.calibration_ms > 0 ? "calibration " + milliseconds(row.calibration_ms) : std::string();
  return cells + cell(milliseconds(row.prepare_ms), of_it) + cell(milliseconds(row.first_inference_ms));
}

std::string table_row(const CaseReport& row) {
  if (row.status == CaseStatus::ok) return "<tr>" + name_cell(row) + measured_cells(row) + "</tr>\n";
  const bool failed = row.status == CaseStatus::failed;
  return "<tr class=\"" + std::string(failed ? "failed" : "off") + "\">" + name_cell(row) + "<td colspan=\"" +
         std::to_string(figure_columns) + "\">" + (failed ? "failed: " : "not available here: ") +
         escape_xml(row.reason) + "</td></tr>\n";
}

std::string notes(const ModelReport& model) {
  std::string text;
  const std::string baseline(baseline_name(model));
  if (model.synthetic_weights)
    text += "<strong>Synthetic weights: accuracy is agreement with " + baseline + "</strong>, not accuracy on a task. ";
  else if (!is_scored(model))
    text += "Accuracy is agreement with " + baseline + ", not accuracy on a task. ";
  if (model.baseline != Precision::fp32)
    text += "The file is quantized: every case runs its integers, and speed-up is over them as well. ";
  if (!model.accuracy_inputs.empty()) text += "Compared on " + escape_xml(model.accuracy_inputs) + ". ";
  int samples = 0;
  for (const CaseReport& row : model.cases) samples = std::max(samples, row.samples);
  if (samples > 0) text += std::to_string(samples) + " samples per case.";
  text = element("p", text, "note");
  for (const std::string& warning : warnings_of(model)) text += element("p", "Warning: " + escape_xml(warning), "note");
  return text;
}

std::string model_section(const ModelReport& model) {
  std::string facts = "batch " + std::to_string(model.batch);
  if (model.seq) facts += ", sequence " + std::to_string(*model.seq);
  facts += ", " + model.source;
  std::string html = "<section>\n" + element("h2", escape_xml(model.name) + element("span", escape_xml(facts))) + "\n";
  if (!model.failure.empty()) return html + element("p", "Failed: " + escape_xml(model.failure)) + "\n</section>\n";
  html +=
      headline(model) + "\n<div class=\"charts\">\n" + time_chart_svg(model) + speedup_chart_svg(model) + "</div>\n";
  html += "<div class=\"wide\"><table>" + std::string(table_head) + "<tbody>\n";
  for (const CaseReport& row : model.cases) html += table_row(row);
  return html + "</tbody></table></div>\n" + notes(model) + "\n</section>\n";
}

// ---- the whole page ------------------------------------------------------------------------------------------

/// "2026-01-31 12:00 UTC" for "2026-01-31T12:00:00Z"; any other form as it is.
std::string readable_time(const std::string& created) {
  if (created.size() != 20 || created[10] != 'T' || created.back() != 'Z') return created;
  return created.substr(0, 10) + " " + created.substr(11, 5) + " UTC";
}

std::string fact(std::string_view name, const std::string& value) {
  return element("dt", name) + element("dd", escape_xml(value)) + "\n";
}

std::string machine_card(const Report& report) {
  const MachineReport& machine = report.machine;
  std::string features;
  for (const std::string& feature : machine.features) features += (features.empty() ? "" : " ") + feature;
  std::string peak;
  const auto add = [&peak](std::string_view name, const std::optional<double>& rate, std::string_view unit) {
    if (rate) peak += (peak.empty() ? "" : ", ") + std::string(name) + " " + quantity(*rate) + " " + std::string(unit);
  };
  add("FP32", machine.peak.fp32_gflops, "GFLOP/s");
  add("BF16", machine.peak.bf16_gflops, "GFLOP/s");
  add("INT8", machine.peak.int8_gops, "GOP/s");
  std::string facts =
      fact("CPU", machine.cpu) + fact("Best tier", std::string(name_of(machine.isa))) + fact("Features", features) +
      fact("Threads", std::to_string(machine.threads) + " of " + std::to_string(machine.usable_cpus) + " usable CPUs");
  if (!peak.empty()) facts += fact("Measured peak", peak);
  if (!machine.kernel.empty()) facts += fact("System", machine.kernel);
  return element("div", element("h3", "Machine") + "<dl>" + facts + "</dl>", "card");
}

std::string protocol_card(const Report& report) {
  const ProtocolReport& protocol = report.protocol;
  const std::string budget =
      protocol.max_seconds > 0 ? "at most " + short_number(protocol.max_seconds) + " s per model" : "no limit";
  std::string facts = fact("Warm-up", std::to_string(protocol.warmup) + " inferences per case") +
                      fact("Samples", "up to " + std::to_string(protocol.samples) + " per case") + fact("Time", budget);
  if (protocol.tuned)
    facts += fact("Layers", "tuned by timing: FP32 and BF16 may differ in their last bits from run to run");
  facts += fact("Order", "all cases in one process; each round runs every case once, in a new order");
  facts += fact("Figures", "percentiles interpolate between ranks; small ranges are bootstrap 95 % intervals");
  return element("div", element("h3", "Protocol") + "<dl>" + facts + "</dl>", "card");
}

}  // namespace

std::string report_html(const Report& report) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Tessera comparison</title>\n";
  html += "<style>" + std::string(html_style) + "</style>\n</head>\n<body>\n<main>\n<header>\n";
  html += element("h1", "Precisions and instruction sets compared");
  std::string origin = "Tessera " + report.version;
  if (!report.created.empty()) origin += " · " + readable_time(report.created);
  html += element("p", escape_xml(origin), "origin") + "\n</header>\n";
  if (report.partial) html += element("p", "<strong>Interrupted: this is a part of the report.</strong>") + "\n";
  for (const ModelReport& model : report.models) html += model_section(model);
  html += element("div", machine_card(report) + protocol_card(report), "cards");
  html +=
      "<footer>Time is that of one inference of the whole batch. “Per s” are items over the time of all samples. "
      "Speed-up is the ratio of the medians of FP32 and the case. “Prepare” includes all calibration that the case "
      "needs, "
      "also where another case had calibrated already. G/s are 10<sup>9</sup> operations per second, two per "
      "multiply-add; “of peak” compares them with the rate "
      "this "
      "machine reached for that precision and instruction set without touching memory.</footer>\n";
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace tessera
