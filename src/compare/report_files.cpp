#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "compare/output_directory.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

/// Whether there are several batches, or several sequence lengths.
bool varies(const ModelReport& model, SweepAxis axis) {
  const PointReport& first = model.points.front();
  return std::ranges::any_of(model.points, [&](const PointReport& point) {
    return axis == SweepAxis::batch ? point.batch != first.batch : point.seq != first.seq;
  });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> charts_of(const ModelReport& model) {
  const PointReport& first = model.points.front();
  if (!model.is_sweep()) {
    if (!first.failure.empty()) return {};
    return {{"time", time_chart_svg(model, first)}, {"speedup", speedup_chart_svg(model, first)}};
  }
  std::vector<std::pair<std::string, std::string>> charts;
  const bool over_batch = varies(model, SweepAxis::batch), over_seq = varies(model, SweepAxis::seq);
  const SweepAxis axis = over_batch ? SweepAxis::batch : SweepAxis::seq;
  charts.emplace_back("throughput", sweep_chart_svg(model, SweepFigure::throughput, axis));
  if (over_batch && over_seq)
    charts.emplace_back("throughput-seq", sweep_chart_svg(model, SweepFigure::throughput, SweepAxis::seq));
  charts.emplace_back("speedup", sweep_chart_svg(model, SweepFigure::speedup, axis));
  charts.emplace_back("time", sweep_chart_svg(model, SweepFigure::time, axis));
  return charts;
}

std::vector<std::pair<std::string, std::string>> report_files(const Report& report) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"report.json", report_json(report)}, {"report.csv", report_csv(report)}, {"report.html", report_html(report)}};
  for (const ModelReport& model : report.models)
    for (auto& [name, svg] : charts_of(model))
      files.emplace_back(safe_file_name(model.name) + "-" + name + ".svg", std::move(svg));
  return files;
}

}  // namespace tessera
