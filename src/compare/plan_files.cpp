#include "compare/plan_files.hpp"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>

#include "compare/format.hpp"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

constexpr double micro = 1e6;

/// A string of the DOT language.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char letter : printable(text)) {
    if (letter == '"' || letter == '\\') out += '\\';
    out += letter;
  }
  return out + "\"";
}

/// The colours of the report, light enough for black letters.
std::string_view fill_of(const StepInfo& step) {
  switch (multiplied_in(step)) {
    case Precision::fp32: return "#e2e8f0";
    case Precision::bf16: return "#cbdcfa";
    case Precision::int8:
    case Precision::int8_dynamic: return "#bfe6df";
  }
  return "#ffffff";
}

std::string dot_node(std::size_t index, const ProfiledStep& entry, const LayerProfile& profile) {
  const StepInfo& step = entry.step;
  std::string figures = step.precision;
  if (profile.runs > 0) figures += ", " + milliseconds(step.seconds * 1e3) + " ms";
  if (entry.peak_fraction > 0) figures += ", " + percent(entry.peak_fraction) + " of peak";
  // \n inside a string of DOT is a line break; what names hold has been quoted before.
  const auto line = [](const std::string& text) {
    const std::string inside = quoted(text);
    return inside.substr(1, inside.size() - 2);
  };
  return "  s" + std::to_string(index) + " [label=\"" + line(step.node) + "\\n" + line(step.op) + " " +
         line(step.kernel) + "\\n" + line(figures) + "\", fillcolor=\"" + std::string(fill_of(step)) + "\"];\n";
}

}  // namespace

std::string plan_trace(const LayerProfile& profile, const std::string& title) {
  Json events = Json::array();
  events.push_back({{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", title}}}});
  events.push_back({{"name", "thread_name"}, {"ph", "M"}, {"pid", 1}, {"tid", 1}, {"args", {{"name", "steps"}}}});
  double at = 0;
  for (const ProfiledStep& entry : profile.steps) {
    const StepInfo& step = entry.step;
    events.push_back({{"name", step.node.empty() ? step.op : step.node},
                      {"cat", step.op},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", at},
                      {"dur", step.seconds * micro},
                      {"args",
                       {{"op", step.op},
                        {"kernel", step.kernel},
                        {"precision", step.precision},
                        {"gflop", step.gflop},
                        {"bytes", step.bytes},
                        {"peak_fraction", entry.peak_fraction},
                        {"reason", entry.reason}}}});
    at += step.seconds * micro;
  }
  const Json trace = {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
  return trace.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string plan_dot(const LayerProfile& profile, const std::string& title) {
  std::string dot = "digraph plan {\n  label=" + quoted(title) +
                    ";\n  labelloc=t;\n  fontname=\"sans-serif\";\n  node [shape=box, style=\"rounded,filled\", "
                    "fontname=\"sans-serif\", fontsize=10];\n  inputs [shape=ellipse, fillcolor=\"#ffffff\"];\n";
  for (std::size_t i = 0; i < profile.steps.size(); ++i) dot += dot_node(i, profile.steps[i], profile);
  for (std::size_t i = 0; i < profile.steps.size(); ++i) {
    const std::vector<int>& reads = profile.steps[i].step.reads;
    for (const int from : std::set<int>(reads.begin(), reads.end()))
      dot += "  " + (from < 0 ? "inputs" : "s" + std::to_string(from)) + " -> s" + std::to_string(i) + ";\n";
  }
  return dot + "}\n";
}

}  // namespace tessera
