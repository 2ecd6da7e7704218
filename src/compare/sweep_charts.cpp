#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/svg.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

using svg::at, svg::line, svg::text;

constexpr double chart_width = 640;
constexpr double header_height = 62;
constexpr double panel_height = 190;  ///< of the plot alone
constexpr double panel_title = 20, panel_axis = 40, panel_gap = 14;
constexpr double left_margin = 58, right_margin = 20;
constexpr double legend_row = 22;
constexpr std::size_t panels_in_row = 3;

/// A case as a line: its values at the positions where it was measured.
struct Curve {
  std::string name;
  Precision precision = Precision::fp32;
  int dash = 0;  ///< tells cases of one precision apart
  std::map<int, double> values;
};

struct Panel {
  std::string title;  ///< what the other axis stands at
  std::vector<Curve> curves;
};

struct SweepChart {
  std::string title, note, axis_name;
  std::string unit;         ///< behind the figures
  std::vector<int> places;  ///< values of the axis, ascending
  std::vector<Panel> panels;
};

int place_on(SweepAxis axis, const PointReport& point) {
  return axis == SweepAxis::batch ? point.batch : point.seq.value_or(0);
}

std::optional<double> figure_of(const CaseReport& row, SweepFigure figure) {
  if (row.status != CaseStatus::ok) return std::nullopt;
  switch (figure) {
    case SweepFigure::throughput: return row.throughput_per_s;
    case SweepFigure::time: return row.latency_ms.p50;
    case SweepFigure::speedup: return row.speedup_vs_fp32;
  }
  return std::nullopt;
}

Curve& curve_for(Panel& panel, const CaseReport& row) {
  const auto known = std::ranges::find(panel.curves, row.name, &Curve::name);
  if (known != panel.curves.end()) return *known;
  const auto same = std::ranges::count(panel.curves, row.precision, &Curve::precision);
  return panel.curves.emplace_back(Curve{row.name, row.precision, static_cast<int>(same), {}});
}

/// The panel of the points that have this value on the other axis.
Panel& panel_for(SweepChart& chart, const PointReport& point, SweepAxis axis) {
  std::string title;
  if (axis == SweepAxis::seq) title = "batch " + std::to_string(point.batch);
  if (axis == SweepAxis::batch && point.seq) title = "sequence " + std::to_string(*point.seq);
  const auto known = std::ranges::find(chart.panels, title, &Panel::title);
  return known != chart.panels.end() ? *known : chart.panels.emplace_back(Panel{title, {}});
}

SweepChart chart_of(const ModelReport& model, SweepFigure figure, SweepAxis axis) {
  SweepChart chart;
  chart.axis_name = axis == SweepAxis::batch ? "batch" : "sequence length";
  for (const PointReport& point : model.points) {
    chart.places.push_back(place_on(axis, point));
    Panel& panel = panel_for(chart, point, axis);
    for (const CaseReport& row : point.cases)
      if (const auto value = figure_of(row, figure)) curve_for(panel, row).values[place_on(axis, point)] = *value;
  }
  std::ranges::sort(chart.places);
  chart.places.erase(std::unique(chart.places.begin(), chart.places.end()), chart.places.end());
  const std::string baseline(baseline_name(model.points.front()));
  const std::string over = " over " + chart.axis_name;
  switch (figure) {
    case SweepFigure::throughput:
      chart.title = model.name + ": throughput" + over;
      chart.note = "Items per second; higher is better.";
      break;
    case SweepFigure::time:
      chart.title = model.name + ": time" + over;
      chart.note = "Median of one inference of the whole batch, ms; lower is better.";
      chart.unit = " ms";
      break;
    case SweepFigure::speedup:
      chart.title = model.name + ": speed-up over " + baseline + " by " + chart.axis_name;
      chart.note = "Ratio of medians; higher is better.";
      chart.unit = "×";
      break;
  }
  if (model.synthetic_weights) chart.note += " Synthetic weights.";
  return chart;
}

/// Where a panel draws, and what its figures are measured against.
struct Frame {
  double left = 0, top = 0, width = 0;
  double most = 1;
  std::size_t places = 1;

  [[nodiscard]] double x(std::size_t place) const {
    return left + width * (static_cast<double>(place) + 0.5) / static_cast<double>(places);
  }
  [[nodiscard]] double y(double value) const { return top + panel_height * (1 - value / most); }
};

double largest(const SweepChart& chart) {
  double most = 0;
  for (const Panel& panel : chart.panels)
    for (const Curve& curve : panel.curves)
      for (const auto& [place, value] : curve.values) most = std::max(most, value);
  return most > 0 ? most * 1.08 : 1;
}

std::string axes(const SweepChart& chart, const Panel& panel, const Frame& frame, bool labelled) {
  std::string drawing = text("tc-note", frame.left, frame.top - 7, panel.title);
  const double step = svg::tick_step(frame.most, 5);
  for (int tick = 0; tick * step <= frame.most; ++tick) {
    const double y = frame.y(tick * step);
    drawing += line(tick == 0 ? "tc-axis" : "tc-grid", frame.left, y, frame.left + frame.width, y);
    if (labelled) drawing += text("tc-sub", frame.left - 8, y + 4, fixed(tick * step, svg::tick_decimals(step)), "end");
  }
  for (std::size_t i = 0; i < chart.places.size(); ++i)
    drawing += text("tc-sub", frame.x(i), frame.top + panel_height + 16, std::to_string(chart.places[i]), "middle");
  return drawing;
}

std::string marker(const Curve& curve, double x, double y, const std::string& tip) {
  const std::string css = " class=\"tc-" + std::string(name_of(curve.precision)) + "\"";
  std::string shape = "<circle" + css + at("cx", x) + at("cy", y) + " r=\"4.5\">";
  std::string closing = "</circle>\n";
  if (curve.dash % 2 == 1) {
    shape = "<rect" + css + at("x", x - 4) + at("y", y - 4) + " width=\"8\" height=\"8\">";
    closing = "</rect>\n";
  }
  return shape + "<title>" + escape_xml(tip) + "</title>" + closing;
}

std::string line_classes(const Curve& curve) {
  const std::string dash = curve.dash == 0 ? "" : " tc-dash" + std::to_string(1 + (curve.dash - 1) % 2);
  return "tc-line tl-" + std::string(name_of(curve.precision)) + dash;
}

std::string curve_drawing(const SweepChart& chart, const Curve& curve, const Frame& frame, bool with_figure) {
  std::string points, markers;
  double last_x = 0, last_y = 0, last = 0;
  for (std::size_t i = 0; i < chart.places.size(); ++i) {
    const auto value = curve.values.find(chart.places[i]);
    if (value == curve.values.end()) continue;
    last_x = frame.x(i), last_y = frame.y(value->second), last = value->second;
    points += (points.empty() ? "" : " ") + fixed(last_x, 1) + "," + fixed(last_y, 1);
    markers += marker(curve, last_x, last_y,
                      curve.name + ", " + chart.axis_name + " " + std::to_string(chart.places[i]) + ": " +
                          quantity(last) + chart.unit);
  }
  std::string drawing = "<polyline class=\"" + line_classes(curve) + "\" points=\"" + points + "\"/>\n" + markers;
  if (with_figure && !points.empty())
    drawing += text("tc-value tc-over", last_x + 10, last_y + 4.5, quantity(last) + chart.unit);
  return drawing;
}

struct LegendPlace {
  double x = 16;
  std::size_t row = 0;
};

/// Side by side, in as many rows as it takes.
std::vector<LegendPlace> legend_places(const std::vector<Curve>& curves) {
  std::vector<LegendPlace> places;
  LegendPlace next;
  for (const Curve& curve : curves) {
    const double wide = 46 + 7.9 * static_cast<double>(display_width(curve.name));
    if (next.x + wide > chart_width && next.x > 16) next = {16, next.row + 1};
    places.push_back(next);
    next.x += wide + 14;
  }
  return places;
}

std::string legend(const std::vector<Curve>& curves, const std::vector<LegendPlace>& places, double top) {
  std::string drawing;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const double x = places[i].x, y = top + legend_row * static_cast<double>(places[i].row);
    drawing += "<line class=\"" + line_classes(curves[i]) + "\"" + at("x1", x) + at("y1", y) + at("x2", x + 26) +
               at("y2", y) + "/>\n" + marker(curves[i], x + 13, y, curves[i].name) +
               text("tc-case", x + 32, y + 4.5, curves[i].name);
  }
  return drawing;
}

/// Every case that some panel shows.
std::vector<Curve> all_curves(const SweepChart& chart) {
  std::vector<Curve> curves;
  for (const Panel& panel : chart.panels)
    for (const Curve& curve : panel.curves)
      if (std::ranges::find(curves, curve.name, &Curve::name) == curves.end()) curves.push_back(curve);
  return curves;
}

}  // namespace

std::string sweep_chart_svg(const ModelReport& model, SweepFigure figure, SweepAxis axis) {
  const SweepChart chart = chart_of(model, figure, axis);
  const std::vector<Curve> curves = all_curves(chart);
  const std::size_t count = chart.panels.size(), across = std::min(count, panels_in_row);
  const std::size_t rows = (count + across - 1) / across;
  const double row_height = panel_title + panel_height + panel_axis;
  const double figures = count == 1 ? 52 : 0;  // room behind the last points
  const double legend_top = header_height + static_cast<double>(rows) * row_height + 14;
  const std::vector<LegendPlace> places = legend_places(curves);
  const double height = legend_top + legend_row * static_cast<double>(places.empty() ? 1 : places.back().row + 1);
  const double usable = chart_width - left_margin - right_margin - figures;
  const double width = (usable - panel_gap * static_cast<double>(across - 1)) / static_cast<double>(across);
  std::string drawing = svg::begin(chart_width, height, chart.title);
  drawing += svg::heading(chart.title);
  drawing += text("tc-note", 16, 46, curves.empty() ? "Nothing was measured." : chart.note);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t column = i % across, row = i / across;
    const Frame frame{left_margin + static_cast<double>(column) * (width + panel_gap),
                      header_height + static_cast<double>(row) * row_height + panel_title, width, largest(chart),
                      chart.places.size()};
    drawing += axes(chart, chart.panels[i], frame, column == 0);
    for (const Curve& curve : chart.panels[i].curves) drawing += curve_drawing(chart, curve, frame, count == 1);
  }
  drawing += text("tc-sub", chart_width - 16, legend_top - 18, chart.axis_name, "end");
  return drawing + legend(curves, places, legend_top) + "</svg>\n";
}

}  // namespace tessera
