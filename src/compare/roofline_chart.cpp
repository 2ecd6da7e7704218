#include "compare/roofline_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/profile.hpp"
#include "compare/svg.hpp"

namespace tessera {
namespace {

using svg::at, svg::line, svg::text;

constexpr double chart_width = 640, chart_height = 400;
constexpr double plot_left = 62, plot_top = 84, plot_right = chart_width - 24, plot_bottom = chart_height - 46;

struct Roof {
  Precision format = Precision::fp32;
  std::string_view label;
  double rate = 0;
};

/// Decades on both axes.
struct Axes {
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;  ///< logarithms to base 10

  [[nodiscard]] double x(double value) const {
    return plot_left + (plot_right - plot_left) * (std::log10(value) - x_low) / (x_high - x_low);
  }
  [[nodiscard]] double y(double value) const {
    return plot_bottom - (plot_bottom - plot_top) * (std::log10(value) - y_low) / (y_high - y_low);
  }
};

std::vector<const ProfiledStep*> products_of(const LayerProfile& profile) {
  std::vector<const ProfiledStep*> products;
  for (const ProfiledStep& entry : profile.steps)
    if (rate_of(entry.step) > 0 && intensity_of(entry.step) > 0) products.push_back(&entry);
  // The largest first, so that they do not hide the others.
  std::ranges::stable_sort(products, std::ranges::greater(), &ProfiledStep::share);
  return products;
}

std::vector<Roof> roofs_of(const LayerProfile& profile, const std::vector<const ProfiledStep*>& products) {
  const std::array<Roof, 3> all = {{{Precision::fp32, "FP32", profile.peak.fp32_gflops.value_or(0)},
                                    {Precision::bf16, "BF16", profile.peak.bf16_gflops.value_or(0)},
                                    {Precision::int8, "INT8", profile.peak.int8_gops.value_or(0)}}};
  std::vector<Roof> roofs;
  for (const Roof& roof : all)
    if (roof.rate > 0 && std::ranges::any_of(products, [&](const ProfiledStep* entry) {
          return multiplied_in(entry->step) == roof.format;
        }))
      roofs.push_back(roof);
  return roofs;
}

Axes axes_for(const std::vector<const ProfiledStep*>& products, const std::vector<Roof>& roofs) {
  double least_x = 1, most_x = 10, least_y = 1e9, most_y = 0;
  for (const ProfiledStep* entry : products) {
    least_x = std::min(least_x, intensity_of(entry->step));
    most_x = std::max(most_x, intensity_of(entry->step));
    least_y = std::min(least_y, rate_of(entry->step));
    most_y = std::max(most_y, rate_of(entry->step));
  }
  for (const Roof& roof : roofs) most_y = std::max(most_y, roof.rate);
  return {std::floor(std::log10(least_x)), std::ceil(std::log10(most_x)), std::floor(std::log10(least_y)),
          std::log10(most_y) + 0.15};
}

/// 0.01, 1, 100, 1000
std::string decade_text(int exponent) {
  return fixed(std::pow(10.0, exponent), std::max(0, -exponent));
}

std::string grid(const Axes& axes) {
  std::string drawing;
  for (int decade = static_cast<int>(axes.x_low); decade <= axes.x_high; ++decade) {
    const double x = axes.x(std::pow(10.0, decade));
    drawing += line("tc-grid", x, plot_top, x, plot_bottom);
    drawing += text("tc-sub", x, plot_bottom + 16, decade_text(decade), "middle");
  }
  for (int decade = static_cast<int>(axes.y_low); decade <= axes.y_high; ++decade) {
    const double y = axes.y(std::pow(10.0, decade));
    drawing += line("tc-grid", plot_left, y, plot_right, y);
    drawing += text("tc-sub", plot_left - 8, y + 4, decade_text(decade), "end");
  }
  drawing += line("tc-axis", plot_left, plot_bottom, plot_right, plot_bottom);
  drawing += line("tc-axis", plot_left, plot_top, plot_left, plot_bottom);
  return drawing + text("tc-sub", plot_right, plot_bottom + 34, "operations per byte", "end") +
         text("tc-sub", 16, plot_top - 8, "10⁹ operations per second");
}

/// The slope from the left edge, or from where it leaves the bottom, to the roof, and the roof from there on.
std::string roof_line(const Axes& axes, const Roof& roof, double bandwidth) {
  const double edge = std::pow(10.0, axes.x_low), end = std::pow(10.0, axes.x_high);
  const std::string css = "tl-" + std::string(name_of(roof.format)) + " tc-line";
  std::string drawing;
  double ridge = edge;
  if (bandwidth > 0) {
    ridge = std::clamp(roof.rate / bandwidth, edge, end);
    const double start = std::clamp(std::pow(10.0, axes.y_low) / bandwidth, edge, ridge);
    drawing = line(css, axes.x(start), axes.y(std::min(roof.rate, start * bandwidth)), axes.x(ridge),
                   axes.y(std::min(roof.rate, ridge * bandwidth)));
  }
  return drawing + line(css, axes.x(ridge), axes.y(roof.rate), axes.x(end), axes.y(roof.rate)) +
         text("tc-sub tc-over", plot_right - 4, axes.y(roof.rate) - 6,
              std::string(roof.label) + " " + quantity(roof.rate), "end");
}

std::string layer_point(const Axes& axes, const ProfiledStep& entry) {
  const StepInfo& step = entry.step;
  const std::string tip = step.node + " (" + step.kernel + "): " + quantity(rate_of(step)) + " G/s, " +
                          percent(entry.peak_fraction) + " of the peak, " + milliseconds(step.seconds * 1e3) + " ms";
  return "<circle class=\"tc-layer tc-" + std::string(name_of(multiplied_in(step))) + "\"" +
         at("cx", axes.x(intensity_of(step))) + at("cy", axes.y(rate_of(step))) +
         at("r", 3.5 + 22 * std::sqrt(std::min(entry.share, 0.25))) + "><title>" + escape_xml(tip) +
         "</title></circle>\n";
}

}  // namespace

std::string roofline_chart_svg(const LayerProfile& profile, const std::string& title) {
  std::string drawing = svg::begin(chart_width, chart_height, title);
  drawing += svg::heading(title);
  const std::vector<const ProfiledStep*> products = products_of(profile);
  if (products.empty()) return drawing + text("tc-note", 16, 46, "No step that multiplies was timed.") + "</svg>\n";
  drawing += text("tc-note", 16, 46,
                  "A point is a layer, its size the time it takes; above the slope its data were in the caches.");
  const std::vector<Roof> roofs = roofs_of(profile, products);
  const Axes axes = axes_for(products, roofs);
  drawing += grid(axes);
  for (const Roof& roof : roofs) drawing += roof_line(axes, roof, profile.bandwidth_gbps);
  if (!roofs.empty() && profile.bandwidth_gbps > 0)
    drawing +=
        text("tc-sub", plot_left + 8, plot_bottom - 10, "slope: memory, " + quantity(profile.bandwidth_gbps) + " GB/s");
  for (const ProfiledStep* entry : products) drawing += layer_point(axes, *entry);
  return drawing + "</svg>\n";
}

}  // namespace tessera
