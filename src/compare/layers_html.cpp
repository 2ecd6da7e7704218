#include "compare/layers_html.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "compare/format.hpp"
#include "compare/html.hpp"
#include "compare/profile.hpp"
#include "compare/report.hpp"
#include "compare/roofline_chart.hpp"

namespace tessera {
namespace {

using html::cell, html::element, html::nothing, html::tile;

constexpr std::size_t kinds_shown = 10;

std::string figure_or_nothing(bool known, const std::string& figure) {
  return known ? figure : std::string(nothing);
}

std::string step_row(std::size_t index, const ProfiledStep& entry, bool timed) {
  const StepInfo& step = entry.step;
  const bool computes = step.gflop > 0;
  std::string row = "<th scope=\"row\" data-key=\"" + std::to_string(index) + "\">" + std::to_string(index) + "</th>";
  row += cell({.label = "node", .figure = step.node, .detail = step.op, .words = true});
  row += cell({.label = "kernel",
               .figure = step.kernel,
               .detail = step.runs > 1 ? std::to_string(step.runs) + " times" : "",
               .words = true});
  row += cell({.label = "precision", .figure = step.precision, .words = true});
  if (timed) {
    row += cell({.label = "ms", .figure = fixed(step.seconds * 1e3, 3), .key = step.seconds * 1e3});
    row += cell({.label = "of time", .figure = percent(entry.share), .key = entry.share});
    row += cell({.label = "G/s", .figure = figure_or_nothing(computes, quantity(rate_of(step))), .key = rate_of(step)});
  } else {
    row += cell({.label = "GFLOP", .figure = figure_or_nothing(computes, fixed(step.gflop, 4)), .key = step.gflop});
  }
  row += cell({.label = "per byte",
               .figure = figure_or_nothing(computes, quantity(intensity_of(step))),
               .key = intensity_of(step)});
  if (timed)
    row += cell({.label = "of peak",
                 .figure = figure_or_nothing(computes, percent(entry.peak_fraction)),
                 .key = entry.peak_fraction});
  row += cell({.label = "why not better", .figure = timed ? entry.reason : step.why, .words = true});
  return element("tr", row) + "\n";
}

std::string step_table(const LayerProfile& profile) {
  const bool timed = profile.runs > 0;
  std::vector<html::Column> columns = {{"#", true}, {"node", true}, {"kernel", true}, {"precision", true}};
  if (timed)
    columns.insert(columns.end(), {{"ms"}, {"of time"}, {"G/s"}, {"per byte"}, {"of peak"}});
  else
    columns.insert(columns.end(), {{"GFLOP"}, {"per byte"}});
  columns.push_back({"why not better", true});
  std::string rows;
  for (std::size_t i = 0; i < profile.steps.size(); ++i) rows += step_row(i, profile.steps[i], timed);
  return element(
             "div",
             "<table class=\"sortable layers\">" + html::sortable_head(columns) + element("tbody", rows) + "</table>",
             "wide") +
         "\n";
}

/// Time by kind of step, largest first.
std::string kinds_of_steps(const LayerProfile& profile) {
  std::map<std::string, double> by_kind;
  for (const ProfiledStep& entry : profile.steps) by_kind[entry.step.op + ", " + entry.step.kernel] += entry.share;
  std::vector<std::pair<double, std::string>> sorted;
  sorted.reserve(by_kind.size());
  for (const auto& [kind, share] : by_kind) sorted.emplace_back(share, kind);
  std::ranges::sort(sorted, std::ranges::greater());
  std::string bars = element("h3", "Time by kind of step");
  for (std::size_t i = 0; i < std::min(sorted.size(), kinds_shown); ++i) {
    const auto& [share, kind] = sorted[i];
    bars += element("span", escape_xml(kind)) + "<i style=\"width:" + fixed(share / sorted.front().first * 100, 1) +
            "%\"></i>" + element("b", percent(share));
  }
  return element("div", bars, "bars");
}

std::string headline(const ExplainedSession& session) {
  const LayerProfile& profile = session.profile;
  double at_peak = 0;  // seconds that the arithmetic would take at the measured peak
  std::size_t plain = 0;
  for (const ProfiledStep& entry : profile.steps) {
    if (entry.step.isa == "-") ++plain;
    at_peak += entry.step.seconds * entry.peak_fraction;
  }
  std::string tiles;
  if (profile.runs > 0) {
    tiles += tile(milliseconds(profile.seconds * 1e3) + " ms", "one inference, the sum of its steps");
    tiles += tile(quantity(session.gflop / profile.seconds), "10⁹ operations a second");
    tiles += tile(percent(at_peak / profile.seconds), "of the measured peak, all steps together");
  } else {
    tiles += tile(quantity(session.gflop), "10⁹ operations of one inference");
  }
  tiles += tile(std::to_string(profile.steps.size()), plain == 0
                                                          ? std::string("steps, all of them kernels")
                                                          : "steps, " + std::to_string(plain) + " of them plain code");
  tiles += tile(quantity(session.weights_mb) + " MB",
                "packed weights; activations take " + quantity(session.arena_mb) + " MB");
  return element("div", tiles, "tiles");
}

}  // namespace

std::string layers_html(const LayerProfile& profile, const std::string& title) {
  std::string html;
  if (profile.runs > 0)
    html = element("div", "\n" + roofline_chart_svg(profile, title) + kinds_of_steps(profile), "charts") + "\n";
  return html + step_table(profile);
}

std::string explain_html(const ExplainedSession& session) {
  const LayerProfile& profile = session.profile;
  const std::string team = team_text(1, profile.threads);
  std::string content = "<section>\n" +
                        element("h2", escape_xml(session.precision + " on " + std::string(name_of(profile.isa))) +
                                          element("span", escape_xml(session.extents + ", " + team))) +
                        "\n";
  content += headline(session) + "\n";
  content += layers_html(profile, "Where each layer stands");
  if (!session.batch.empty()) content += element("p", escape_xml(session.batch), "note");
  content +=
      "</section>\n<footer>Operations are counted two per multiply-add. “Per byte” are operations for each byte of "
      "inputs, weights and outputs, the least that has to move. ";
  if (profile.runs > 0)
    content += "Times are means over " + std::to_string(profile.runs) +
               " inferences, as one thread saw them. “Of peak” compares with the rate that this machine reached for "
               "that precision and instruction set without touching memory, with the same threads. ";
  content += "“Why not better” names what the plan could not use, or else what the time shows.</footer>\n";
  std::string origin = "Tessera " + session.version;
  if (!session.created.empty()) origin += " · " + html::readable_time(session.created);
  return html::page("The plan of " + session.model, origin, content);
}

}  // namespace tessera
