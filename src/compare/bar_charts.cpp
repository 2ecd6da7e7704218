#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/svg.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

using svg::at, svg::line, svg::text, svg::tick_decimals, svg::tick_step;

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
  const int decimals = tick_decimals(step);
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

std::string draw(const Chart& chart, const std::vector<CaseReport>& rows) {
  double bottom = header_height;
  for (const CaseReport& row : rows) bottom += height_of(row);
  const Scale scale(chart);
  std::string drawing = svg::begin(chart_width, bottom + axis_height, chart.title);
  drawing += svg::heading(chart.title);
  drawing += text("tc-note", 16, 46, chart.bars.empty() ? chart.without_bars : chart.note);
  if (!chart.bars.empty()) drawing += axis(chart, scale, bottom);
  if (chart.baseline && !chart.bars.empty()) drawing += line("tc-base", scale(1), header_height, scale(1), bottom);
  double top = header_height;
  auto bar = chart.bars.begin();
  for (const CaseReport& row : rows) {
    if (bar != chart.bars.end() && bar->row == &row)
      drawing += measured_row(*bar++, scale, top);
    else
      drawing += unavailable_row(row, top);
    top += height_of(row);
  }
  return drawing + "</svg>\n";
}

std::string setting(const ModelReport& model, const PointReport& point) {
  std::string words = extents_text(point);
  words.front() = 'B';
  return words + (model.synthetic_weights ? ", synthetic weights" : "");
}

}  // namespace

std::string time_chart_svg(const ModelReport& model, const PointReport& point) {
  Chart chart;
  chart.title = model.name + ": inference time";
  if (std::ranges::any_of(point.cases, [](const CaseReport& row) { return row.streams > 1; }))
    chart.title = model.name + ": time of a request, all streams busy";
  chart.note = "Median, whiskers p10 to p90 (an arrow: beyond the edge); lower is better. " + setting(model, point);
  chart.unit = "ms";
  for (const CaseReport& row : point.cases) {
    if (row.status != CaseStatus::ok) continue;
    const Summary& time = row.latency_ms;
    chart.bars.push_back({&row,
                          time.p50,
                          {time.p10, time.p90},
                          milliseconds(time.p50) + " ms",
                          "p99 " + milliseconds(time.p99) + " ms"});
  }
  return draw(chart, point.cases);
}

std::string speedup_chart_svg(const ModelReport& model, const PointReport& point) {
  Chart chart;
  chart.title = model.name + ": speed-up over " + std::string(baseline_name(point));
  chart.note = "Ratio of medians, 95 % interval; higher is better. " + setting(model, point);
  chart.baseline = true;
  if (std::ranges::any_of(point.cases, [](const CaseReport& row) { return row.status == CaseStatus::ok; }))
    chart.without_bars = "No FP32 case was measured to compare with.";
  std::vector<CaseReport> shown = point.cases;
  std::erase_if(shown,
                [](const CaseReport& row) { return row.status == CaseStatus::ok && !row.speedup_vs_fp32.has_value(); });
  for (const CaseReport& row : shown) {
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
