#include <string>
#include <utility>
#include <vector>

#include "compare/output_directory.hpp"
#include "compare/writers.hpp"

namespace tessera {

std::vector<std::pair<std::string, std::string>> report_files(const Report& report) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"report.json", report_json(report)}, {"report.csv", report_csv(report)}, {"report.html", report_html(report)}};
  for (const ModelReport& model : report.models) {
    if (!model.failure.empty()) continue;
    const std::string stem = safe_file_name(model.name);
    files.emplace_back(stem + "-time.svg", time_chart_svg(model));
    files.emplace_back(stem + "-speedup.svg", speedup_chart_svg(model));
  }
  return files;
}

}  // namespace tessera
