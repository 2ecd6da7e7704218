#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/html.hpp"
#include "compare/layers_html.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

using html::cell, html::element, html::fact, html::nothing, html::tile;

std::string megabytes(double value) {
  return fixed(value, value < 10 ? 1 : 0);
}

// ---- one model ----------------------------------------------------------------------------------------------

/// A case at the point where it was measured.
struct Best {
  const PointReport* point = nullptr;
  const CaseReport* row = nullptr;
};

Best fastest_case(const ModelReport& model) {
  Best fastest;
  for (const PointReport& point : model.points)
    for (const CaseReport& row : point.cases)
      if (row.status == CaseStatus::ok && row.speedup_vs_fp32 &&
          (fastest.row == nullptr || *row.speedup_vs_fp32 > *fastest.row->speedup_vs_fp32))
        fastest = {&point, &row};
  return fastest;
}

/// The answer first: what the best case here gains and what it costs.
std::string headline(const ModelReport& model) {
  const auto [point, best] = fastest_case(model);
  if (best == nullptr) return {};
  const std::string baseline(baseline_name(*point));
  std::string what = "<code>" + escape_xml(best->name) + "</code>";
  if (model.is_sweep()) what += " at " + extents_text(*point);
  std::string tiles = tile(fixed(*best->speedup_vs_fp32, 2) + "×", "fastest here, against " + baseline + ": " + what);
  tiles += tile(milliseconds(best->latency_ms.p50) + " ms",
                best->streams > 1 ? "median time of a request, all streams busy" : "its median inference time");
  tiles += tile(quantity(best->throughput_per_s) + " /s",
                best->streams > 1 ? "throughput of its " + team_text(best->streams, best->threads) : "its throughput");
  if (best->accuracy) {
    tiles += tile(cosine_text(best->accuracy->cosine), "cosine of its outputs with " + baseline);
    tiles += best->top1 ? tile(percent(*best->top1), "its top-1 against the labels")
                        : tile(percent(best->accuracy->top1_agreement), "top-1 agreement with " + baseline);
  }
  return element("div", tiles, "tiles");
}

/// What the table of a model shows beside the figures that all have.
struct TableForm {
  bool extents = false;  ///< batch and sequence length: of a sweep
  bool seq = false;
  bool labels = false;  ///< the score on labelled data

  explicit TableForm(const ModelReport& model) : extents(model.is_sweep()) {
    for (const PointReport& point : model.points) {
      seq |= point.seq.has_value();
      labels |= is_scored(point);
    }
  }
};

std::vector<html::Column> columns_of(const TableForm& form) {
  std::vector<html::Column> columns = {{"case", true}};
  if (form.extents) columns.push_back({"batch"});
  if (form.extents && form.seq) columns.push_back({"sequence"});
  columns.insert(columns.end(), {{"median ms"}, {"p90"}, {"p99"}, {"per s"}, {"speed-up"}, {"of peak"}, {"cosine"}});
  columns.insert(columns.end(), {{"SQNR"}, {"top-1 agreed"}});
  if (form.labels) columns.push_back({"top-1"});
  columns.insert(columns.end(), {{"memory MB"}, {"start ms"}});
  return columns;
}

std::string name_cell(const CaseReport& row) {
  const std::string runs = departure_of(row);
  return "<th scope=\"row\"><i class=\"dot " + std::string(name_of(row.precision)) + "\"></i><code>" +
         escape_xml(row.name) + "</code>" + (runs.empty() ? "" : "<small>runs " + runs + "</small>") + "</th>";
}

std::string extent_cells(const TableForm& form, const PointReport& point) {
  if (!form.extents) return {};
  std::string cells = cell({.label = "batch", .figure = std::to_string(point.batch), .key = point.batch});
  if (form.seq)
    cells += cell({.label = "sequence", .figure = std::to_string(point.seq.value_or(0)), .key = point.seq.value_or(0)});
  return cells;
}

/// A figure that a row may lack.
std::string optional_cell(std::string_view label, const std::optional<double>& value, std::string (*format)(double),
                          const std::string& detail = {}) {
  return cell(
      {.label = label, .figure = value ? format(*value) : std::string(nothing), .detail = detail, .key = value});
}

std::string times(double ratio) {
  return fixed(ratio, 2) + "×";
}

std::string speed_cells(const CaseReport& row) {
  const Summary& time = row.latency_ms;
  const auto between = [](const Interval& range, std::string (*format)(double)) {
    return format(range.low) + " to " + format(range.high);
  };
  std::string cells = cell({.label = "median ms",
                            .figure = milliseconds(time.p50),
                            .detail = between(time.ci95, milliseconds),
                            .key = time.p50});
  cells += cell({.label = "p90", .figure = milliseconds(time.p90), .key = time.p90});
  cells += cell({.label = "p99", .figure = milliseconds(time.p99), .key = time.p99});
  cells += cell({.label = "per s", .figure = quantity(row.throughput_per_s), .key = row.throughput_per_s});
  cells += optional_cell(
      "speed-up", row.speedup_vs_fp32, times,
      row.speedup_ci95 ? between(*row.speedup_ci95, [](double value) { return fixed(value, 2); }) : std::string());
  return cells + optional_cell("of peak", row.peak_fraction, percent, quantity(row.gflops) + " G/s");
}

std::string accuracy_cells(const TableForm& form, const CaseReport& row) {
  std::optional<double> cosine, sqnr, agreed;
  if (row.accuracy) cosine = row.accuracy->cosine, sqnr = row.accuracy->sqnr_db, agreed = row.accuracy->top1_agreement;
  std::string cells = optional_cell("cosine", cosine, cosine_text) + optional_cell("SQNR", sqnr, sqnr_text) +
                      optional_cell("top-1 agreed", agreed, percent);
  if (form.labels) cells += optional_cell("top-1", row.top1, percent);
  return cells;
}

std::string cost_cells(const CaseReport& row) {
  std::string cells = cell({.label = "memory MB",
                            .figure = megabytes(row.memory.weights_mb),
                            .detail = "+ " + megabytes(row.memory.arena_mb),
                            .key = row.memory.weights_mb + row.memory.arena_mb});
  const std::string calibration =
      row.calibration_ms > 0 ? "calibration " + milliseconds(row.calibration_ms) : std::string();
  return cells + cell({.label = "start ms",
                       .figure = milliseconds(row.prepare_ms) + " + " + milliseconds(row.first_inference_ms),
                       .detail = calibration,
                       .key = row.prepare_ms + row.first_inference_ms});
}

std::string table_row(const TableForm& form, const PointReport& point, const CaseReport& row) {
  if (row.status == CaseStatus::ok)
    return "<tr>" + name_cell(row) + extent_cells(form, point) + speed_cells(row) + accuracy_cells(form, row) +
           cost_cells(row) + "</tr>\n";
  const bool failed = row.status == CaseStatus::failed;
  std::string words = failed ? "failed: " : "not available here: ";
  if (failed && form.extents) words = extents_text(point) + ": " + words;
  return "<tr class=\"" + std::string(failed ? "failed" : "off") + "\">" + name_cell(row) + "<td colspan=\"" +
         std::to_string(columns_of(form).size() - 1) + "\">" + escape_xml(words + row.reason) + "</td></tr>\n";
}

/// Rows that are not available are so at every point: they stand once.
bool is_shown(const ModelReport& model, const PointReport& point, const CaseReport& row) {
  return row.status != CaseStatus::unavailable || &point == &model.points.front();
}

std::string table(const ModelReport& model) {
  const TableForm form(model);
  std::string rows;
  for (const PointReport& point : model.points)
    for (const CaseReport& row : point.cases)
      if (is_shown(model, point, row)) rows += table_row(form, point, row);
  return "<div class=\"wide\"><table class=\"sortable\">" + html::sortable_head(columns_of(form)) +
         element("tbody", "\n" + rows) + "</table></div>\n";
}

/// What the accuracy of a point is, in a paragraph, and what went wrong.
std::string note_of(const ModelReport& model, const PointReport& point) {
  std::string text;
  const std::string baseline(baseline_name(point));
  if (!point.failure.empty())
    return element("p", element("strong", extents_text(point)) + " failed: " + escape_xml(point.failure), "note");
  if (model.synthetic_weights)
    text += "<strong>Synthetic weights: accuracy is agreement with " + baseline + "</strong>, not accuracy on a task. ";
  else if (!is_scored(point))
    text += "Accuracy is agreement with " + baseline + ", not accuracy on a task. ";
  if (point.baseline != Precision::fp32)
    text += "The file is quantized: every case runs its integers, and speed-up is over them as well. ";
  if (!point.accuracy_inputs.empty()) text += "Compared on " + escape_xml(point.accuracy_inputs) + ". ";
  text = element("p", text, "note");
  for (const std::string& warning : warnings_of(point)) text += element("p", "Warning: " + escape_xml(warning), "note");
  return text;
}

/// "1000 samples per case", or of a sweep "80 to 1000".
std::string samples_text(const ModelReport& model) {
  int least = 0, most = 0;
  for (const PointReport& point : model.points)
    for (const CaseReport& row : point.cases) {
      if (row.samples == 0) continue;
      least = most == 0 ? row.samples : std::min(least, row.samples);
      most = std::max(most, row.samples);
    }
  if (most == 0) return {};
  return (least < most ? std::to_string(least) + " to " : std::string()) + std::to_string(most) + " samples per case.";
}

/// The notes of all points, once where they say the same.
std::string notes(const ModelReport& model) {
  std::vector<std::string> said;
  for (const PointReport& point : model.points)
    if (const std::string note = note_of(model, point); std::ranges::find(said, note) == said.end())
      said.push_back(note);
  std::string html;
  for (const std::string& note : said) html += note;
  return html + element("p", samples_text(model), "note");
}

/// The layers of every case that was profiled, folded up.
std::string profiles(const ModelReport& model) {
  std::string html;
  for (const PointReport& point : model.points)
    for (const CaseReport& row : point.cases) {
      if (!row.profile) continue;
      std::string name = row.name;
      if (model.is_sweep()) name += ", " + extents_text(point);
      html += "<details>" + element("summary", "Layers of <code>" + escape_xml(name) + "</code>") +
              layers_html(*row.profile, model.name + ", " + name) + "</details>\n";
    }
  return html;
}

std::string model_section(const ModelReport& model) {
  const PointReport& first = model.points.front();
  std::string facts = model.is_sweep() ? std::to_string(model.points.size()) + " points" : extents_text(first);
  facts += ", " + model.source;
  std::string html = "<section>\n" + element("h2", escape_xml(model.name) + element("span", escape_xml(facts))) + "\n";
  if (!model.is_sweep() && !first.failure.empty())
    return html + element("p", "Failed: " + escape_xml(first.failure)) + "\n</section>\n";
  html += headline(model) + "\n<div class=\"charts\">\n";
  for (const auto& [name, svg] : charts_of(model)) html += svg;
  html += "</div>\n" + table(model);
  return html + notes(model) + profiles(model) + "\n</section>\n";
}

// ---- the whole page ------------------------------------------------------------------------------------------

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
  std::string facts = fact("CPU", machine.cpu) + fact("Best tier", std::string(name_of(machine.isa))) +
                      fact("Features", features) +
                      fact("Threads", team_of(report) + " of " + std::to_string(machine.usable_cpus) + " usable CPUs");
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
  std::string content;
  if (report.partial) content += element("p", "<strong>Interrupted: this is a part of the report.</strong>") + "\n";
  for (const ModelReport& model : report.models) content += model_section(model);
  content += element("div", machine_card(report) + protocol_card(report), "cards");
  content +=
      "<footer>Time is that of one inference of the whole batch; with several streams, of one request while all are "
      "busy. “Per s” are items over the time of all samples, of all streams. Speed-up is the ratio of the medians of "
      "FP32 and the case. “Of peak” compares operations per second, two per multiply-add, with the rate that this "
      "machine reached for that precision and instruction set without touching memory. Memory is packed weights + "
      "activations. Start is preparing, with all calibration that the case needs, also where another case had "
      "calibrated already, + the first inference.</footer>\n";
  std::string origin = "Tessera " + report.version;
  if (!report.created.empty()) origin += " · " + html::readable_time(report.created);
  return html::page("Precisions and instruction sets compared", origin, content);
}

}  // namespace tessera
