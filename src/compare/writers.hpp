// Every form a report takes. All are pure functions of the report; output_directory.hpp puts them on disk.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compare/report.hpp"

namespace tessera {

/// Figures a row does not have are null. The keys are a contract: CHANGELOG.md says what changes.
std::string report_json(const Report& report);

/// One line per case and point with the model and machine repeated, for spreadsheets.
std::string report_csv(const Report& report);

/// One page that needs nothing else: style, charts and the script that sorts tables inside, light and dark, printable.
std::string report_html(const Report& report);

/// Bars of the median time with whiskers from p10 to p90. Stands alone or inside a page.
std::string time_chart_svg(const ModelReport& model, const PointReport& point);
/// Bars of the speed-up over FP32 with its 95 % interval and the accuracy it costs.
std::string speedup_chart_svg(const ModelReport& model, const PointReport& point);

enum class SweepFigure { throughput, time, speedup };
enum class SweepAxis { batch, seq };
/// A line for each case over the values of one axis; a panel for each value of the other.
std::string sweep_chart_svg(const ModelReport& model, SweepFigure figure, SweepAxis axis);

/// The charts of a model by name: "time" and "speedup" of a single point; those and "throughput" over the batch, and
/// over the sequence length, of a sweep.
std::vector<std::pair<std::string, std::string>> charts_of(const ModelReport& model);

struct TextStyle {
  bool colour = false;
  bool unicode = true;
  int width = 100;
};
/// Tables for the terminal, at most style.width columns wide.
std::string report_text(const Report& report, const TextStyle& style);

/// All files of `--report DIR`, by name.
std::vector<std::pair<std::string, std::string>> report_files(const Report& report);

}  // namespace tessera
