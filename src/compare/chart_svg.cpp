#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

// Geometry in SVG user units (pixels at 100 %).
constexpr double chart_width = 640;
constexpr double label_width = 196;  // case names: the longest is 21 characters of 13 px monospace
constexpr double value_width = 84;   // room behind the longest bar or whisker for its figure
constexpr double header_height = 62;
constexpr double row_height = 46;
constexpr double empty_row_height = 30;  // a row without a bar
constexpr double bar_height = 20;
constexpr double axis_height = 34;
constexpr double plot_left = label_width;
constexpr double plot_width = chart_width - label_width - value_width;
// A whisker leaves the chart rather than squeeze every bar: one disturbed case would otherwise hide all the others.
constexpr double whisker_reach = 1.4;
constexpr std::size_t reason_characters = 68;

// Classes carry a prefix because the charts also stand inside the page, whose style they must not touch.
constexpr std::string_view style = R"(<style>
.tc-back{fill:#ffffff}.tc-title{fill:#0f172a;font:600 16px system-ui,sans-serif}
.tc-note{fill:#64748b;font:12px system-ui,sans-serif}.tc-sub{fill:#64748b;font:11px system-ui,sans-serif}
.tc-case{fill:#0f172a;font:13px ui-monospace,'DejaVu Sans Mono',monospace}
.tc-off{fill:#94a3b8}.tc-value{fill:#0f172a;font:600 13px system-ui,sans-serif}
.tc-grid{stroke:#e2e8f0}.tc-axis{stroke:#94a3b8}.tc-base{stroke:#64748b;stroke-dasharray:4 3}
.tc-whisker{stroke:#0f172a;stroke-width:1.5;opacity:.75}
.tc-fp32{fill:#8493a8}.tc-bf16{fill:#4f7fe8}.tc-int8{fill:#14a38b}.tc-int8-dynamic{fill:#b3a125}
.tc-over{paint-order:stroke;stroke:#ffffff;stroke-width:6px}
@media screen and (prefers-color-scheme:dark){
.tc-back{fill:#111827}.tc-title,.tc-case,.tc-value{fill:#f1f5f9}.tc-note,.tc-sub{fill:#94a3b8}.tc-off{fill:#64748b}
.tc-grid{stroke:#273244}.tc-axis{stroke:#64748b}.tc-base{stroke:#94a3b8}.tc-whisker{stroke:#f1f5f9}
.tc-fp32{fill:#7687a0}.tc-bf16{fill:#5c8df6}.tc-int8{fill:#1fb89e}.tc-int8-dynamic{fill:#cdbb3e}.tc-over{stroke:#111827}}
</style>
)";

struct Bar {
  const CaseReport* row = nullptr;
  double value = 0;
  Interval whisker;
  std::string label;     ///< at the end of the bar
  std::string subtitle;  ///< under the case name
};

struct Chart {
  std::string title, note, unit;
  std::string without_bars = "Nothing was measured.";  ///< instead of the note where there is no bar
  std::vector<Bar> bars;
  bool baseline = false;  ///< a line at 1
};

std::string at(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + fixed(value, 1) + "\"";
}

std::string text(std::string_view css, double x, double y, std::string_view content,
                 std::string_view anchor = "start") {
  return "<text class=\"" + std::string(css) + "\"" + at("x", x) + at("y", y) + " text-anchor=\"" +
         std::string(anchor) + "\">" + escape_xml(content) + "</text>\n";
}

std::string line(std::string_view css, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(css) + "\"" + at("x1", x1) + at("y1", y1) + at("x2", x2) + at("y2", y2) +
         "/>\n";
}

/// A step of 1, 2 or 5 times a power of ten that divides the range into at most six parts.
double tick_step(double range) {
  const double rough = range / 6;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

class Scale {
 public:
  explicit Scale(const Chart& chart) {
    double longest = 0;
    for (const Bar& bar : chart.bars) longest = std::max(longest, bar.value);
    for (const Bar& bar : chart.bars)
      range_ = std::max({range_, bar.value, std::min(bar.whisker.high, whisker_reach * longest)});
    if (chart.baseline) range_ = std::max(range_, 1.0);
    if (!(range_ > 0)) range_ = 1;
  }
  [[nodiscard]] double range() const noexcept { return range_; }
  [[nodiscard]] double operator()(double value) const noexcept { return plot_left + plot_width * value / range_; }

 private:
  double range_ = 0;
};

std::string axis(const Chart& chart, const Scale& scale, double bottom) {
  std::string svg;
  const double step = tick_step(scale.range());
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  for (int tick = 0; tick * step <= scale.range() * 1.0001; ++tick) {
    const double x = scale(tick * step);
    svg += line(tick == 0 ? "tc-axis" : "tc-grid", x, header_height, x, bottom);
    svg += text("tc-sub", x, bottom + 16, fixed(tick * step, decimals) + (chart.baseline ? "×" : ""), "middle");
  }
  if (chart.unit.empty()) return svg;  // the tick labels carry it
  return svg + text("tc-sub", chart_width - 16, bottom + 16, chart.unit, "end");
}

double height_of(const CaseReport& row) noexcept {
  return row.status == CaseStatus::ok ? row_height : empty_row_height;
}

std::string unavailable_row(const CaseReport& row, double top) {
  const std::string words = row.status == CaseStatus::failed ? "failed: " : "not available here: ";
  const double middle = top + empty_row_height / 2;
  return text("tc-case tc-off", label_width - 12, middle + 4, row.name, "end") + "<g><title>" + escape_xml(row.reason) +
         "</title>" +
         text("tc-note tc-over", plot_left + 10, middle + 4, shorten(words + row.reason, reason_characters)) + "</g>\n";
}

/// The end of a whisker that goes on beyond the edge of the chart.
std::string arrow_head(double x, double y) {
  return line("tc-whisker", x - 6, y - 5, x, y) + line("tc-whisker", x - 6, y + 5, x, y);
}

std::string measured_row(const Bar& bar, const Scale& scale, double top) {
  const double bar_top = top + (row_height - bar_height) / 2;
  const double middle = top + row_height / 2;
  const double end = scale(bar.value);
  std::string svg = text("tc-case", label_width - 12, middle - 1, bar.row->name, "end");
  svg += text("tc-sub", label_width - 12, middle + 14, bar.subtitle, "end");
  svg += "<rect class=\"tc-" + std::string(name_of(bar.row->precision)) + "\"" + at("x", plot_left) + at("y", bar_top) +
         at("width", std::max(end - plot_left, 1.0)) + at("height", bar_height) + " rx=\"3\"/>\n";
  const double low = scale(bar.whisker.low);
  const bool leaves = bar.whisker.high > scale.range() * (1 + 1e-9);
  const double high = leaves ? plot_left + plot_width : scale(bar.whisker.high);
  if (high > low) {
    svg += line("tc-whisker", low, middle, high, middle) + line("tc-whisker", low, middle - 4, low, middle + 4);
    svg += leaves ? arrow_head(high, middle) : line("tc-whisker", high, middle - 4, high, middle + 4);
  }
  return svg + text("tc-value tc-over", std::max(end, high) + 8, middle + 4.5, bar.label);
}

std::string draw(const Chart& chart, const ModelReport& model) {
  double bottom = header_height;
  for (const CaseReport& row : model.cases) bottom += height_of(row);
  const double height = bottom + axis_height;
  const Scale scale(chart);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + fixed(chart_width, 0) + " " +
                    fixed(height, 0) + "\"" + at("width", chart_width) + at("height", height) +
                    " role=\"img\" aria-label=\"" + escape_xml(chart.title) + "\">\n" + std::string(style);
  svg += "<rect class=\"tc-back\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n";
  svg += text("tc-title", 16, 26, chart.title);
  svg += text("tc-note", 16, 46, chart.bars.empty() ? chart.without_bars : chart.note);
  if (!chart.bars.empty()) svg += axis(chart, scale, bottom);
  if (chart.baseline && !chart.bars.empty()) svg += line("tc-base", scale(1), header_height, scale(1), bottom);
  double top = header_height;
  auto bar = chart.bars.begin();
  for (const CaseReport& row : model.cases) {
    if (bar != chart.bars.end() && bar->row == &row)
      svg += measured_row(*bar++, scale, top);
    else
      svg += unavailable_row(row, top);
    top += height_of(row);
  }
  return svg + "</svg>\n";
}

std::string setting(const ModelReport& model) {
  std::string words = "Batch " + std::to_string(model.batch);
  if (model.seq) words += ", sequence " + std::to_string(*model.seq);
  if (model.synthetic_weights) words += ", synthetic weights";
  return words;
}

}  // namespace

std::string time_chart_svg(const ModelReport& model) {
  Chart chart;
  chart.title = model.name + ": inference time";
  chart.note = "Median, whiskers p10 to p90 (an arrow: beyond the edge); lower is better. " + setting(model);
  chart.unit = "ms";
  for (const CaseReport& row : model.cases) {
    if (row.status != CaseStatus::ok) continue;
    const Summary& time = row.latency_ms;
    chart.bars.push_back({&row,
                          time.p50,
                          {time.p10, time.p90},
                          milliseconds(time.p50) + " ms",
                          "p99 " + milliseconds(time.p99) + " ms"});
  }
  return draw(chart, model);
}

std::string speedup_chart_svg(const ModelReport& model) {
  Chart chart;
  chart.title = model.name + ": speed-up over " + std::string(baseline_name(model));
  chart.note = "Ratio of medians, 95 % interval; higher is better. " + setting(model);
  chart.baseline = true;
  if (std::ranges::any_of(model.cases, [](const CaseReport& row) { return row.status == CaseStatus::ok; }))
    chart.without_bars = "No FP32 case was measured to compare with.";
  ModelReport shown = model;
  std::erase_if(shown.cases,
                [](const CaseReport& row) { return row.status == CaseStatus::ok && !row.speedup_vs_fp32.has_value(); });
  for (const CaseReport& row : shown.cases) {
    if (row.status != CaseStatus::ok) continue;
    std::string accuracy = "accuracy not measured";
    if (row.accuracy)
      accuracy = "cosine " + cosine_text(row.accuracy->cosine) + ", top-1 " + percent(row.accuracy->top1_agreement);
    chart.bars.push_back({&row, *row.speedup_vs_fp32, row.speedup_ci95.value_or(Interval{}),
                          fixed(*row.speedup_vs_fp32, 2) + "×", accuracy});
  }
  return draw(chart, shown);
}

}  // namespace tessera
