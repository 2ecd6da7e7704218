#include "compare/report.hpp"

#include <algorithm>
#include <utility>

#include "compare/format.hpp"

namespace tessera {

std::string_view name_of(CaseStatus status) noexcept {
  switch (status) {
    case CaseStatus::ok: return "ok";
    case CaseStatus::unavailable: return "unavailable";
    case CaseStatus::failed: return "failed";
  }
  return "?";
}

bool is_scored(const PointReport& point) noexcept {
  return std::ranges::any_of(point.cases, [](const CaseReport& row) { return row.top1.has_value(); });
}

std::string_view baseline_name(const PointReport& point) noexcept {
  switch (point.baseline) {
    case Precision::fp32: return "FP32";
    case Precision::bf16: return "the file's own BF16";
    case Precision::int8:
    case Precision::int8_dynamic: return "the file's own INT8";
  }
  return "FP32";
}

std::vector<std::string> warnings_of(const PointReport& point) {
  std::vector<std::pair<std::string, std::string>> named;  // warning, names
  for (const CaseReport& row : point.cases)
    for (const std::string& warning : row.warnings) {
      const auto known = std::ranges::find(named, warning, &std::pair<std::string, std::string>::first);
      if (known == named.end())
        named.emplace_back(warning, row.name);
      else
        known->second += ", " + row.name;
    }
  std::vector<std::string> warnings;
  warnings.reserve(named.size());
  for (const auto& [warning, names] : named) warnings.push_back(names + ": " + warning);
  return warnings;
}

std::string extents_text(const PointReport& point, std::string_view joint) {
  std::string text = "batch " + std::to_string(point.batch);
  if (point.seq) text += std::string(joint) + "sequence " + std::to_string(*point.seq);
  return text;
}

std::string team_text(int streams, int threads) {
  const std::string team = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  return streams > 1 ? std::to_string(streams) + " streams x " + team : team;
}

std::string team_of(const Report& report) {
  for (const ModelReport& model : report.models)
    for (const PointReport& point : model.points)
      for (const CaseReport& row : point.cases)
        if (row.status == CaseStatus::ok) return team_text(row.streams, row.threads);
  return team_text(1, report.machine.threads);
}

std::string departure_of(const CaseReport& row) {
  // Of a model that is as asked a tenth may be products that have no form in that precision.
  constexpr double nearly_all = 0.9;
  const WorkShare& work = row.work;
  const double share = std::max({work.fp32, work.bf16, work.int8});
  if (row.status != CaseStatus::ok || share == 0) return {};
  const std::string_view asked = std::string_view(row.name).substr(0, row.name.find('@'));
  const std::string_view runs = name_of(row.precision);
  if (asked == runs && share >= nearly_all) return {};
  return std::string(runs) + (share < 0.995 ? " " + fixed(share * 100, 0) + " %" : "");
}

}  // namespace tessera
