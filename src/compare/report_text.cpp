#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "compare/format.hpp"
#include "compare/writers.hpp"

namespace tessera {
namespace {

constexpr std::size_t minimum_width = 60;
constexpr std::size_t case_width = 22;

/// A column of the table. Columns leave from the least important when the terminal is narrow.
struct Column {
  std::string_view title;
  std::size_t width;
  int keep;  ///< higher stays longer
};

enum ColumnIndex : std::size_t {
  median_column,
  p90_column,
  p99_column,
  rate_column,
  peak_column,
  cosine_column,
  top1_column,
  speed_column,
};
constexpr std::array<Column, 8> columns = {{{"median ms", 9, 9},
                                            {"p90", 8, 4},
                                            {"p99", 8, 3},
                                            {"per s", 8, 5},
                                            {"% peak", 7, 1},
                                            {"cosine", 9, 7},
                                            {"top-1", 8, 6},
                                            {"speed-up", 10, 8}}};

class TextReport {
 public:
  TextReport(const Report& report, const TextStyle& style)
      : report_(report),
        style_(style),
        width_(std::max<std::size_t>(static_cast<std::size_t>(std::max(style.width, 0)), minimum_width)) {
    choose_columns();
  }

  std::string text() {
    machine();
    for (const ModelReport& model : report_.models) table(model);
    if (report_.partial) put("\n" + paint("31", cut("interrupted: this is a part of the report", width_)));
    return std::move(out_);
  }

 private:
  void choose_columns() {
    std::size_t used = case_width;
    std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5, 6, 7};
    std::stable_sort(order.begin(), order.end(),
                     [](std::size_t a, std::size_t b) { return columns[a].keep > columns[b].keep; });
    for (const std::size_t index : order) {
      if (used + columns[index].width > width_) break;
      used += columns[index].width;
      shown_[index] = true;
    }
    // What is left over becomes the bars, behind the figures.
    bar_width_ = width_ - used > 2 ? std::min<std::size_t>(width_ - used - 2, 24) : 0;
    if (bar_width_ < 4) bar_width_ = 0;
  }

  [[nodiscard]] std::string paint(std::string_view code, const std::string& text) const {
    return style_.colour ? "\x1b[" + std::string(code) + "m" + text + "\x1b[0m" : text;
  }
  [[nodiscard]] std::string_view colour_of(Precision precision) const {
    switch (precision) {
      case Precision::fp32: return "37";
      case Precision::bf16: return "34";
      case Precision::int8: return "36";
      case Precision::int8_dynamic: return "33";
    }
    return "0";
  }
  /// Text that a terminal shows and does not obey, with the few characters beyond ASCII replaced where it cannot show
  /// them.
  [[nodiscard]] std::string plain(const std::string& words) const {
    std::string text = printable(words);
    if (style_.unicode) return text;
    const std::array<std::pair<std::string_view, std::string_view>, 4> replacements = {
        {{"×", "x"}, {"·", "|"}, {"…", "..."}, {"─", "-"}}};
    for (const auto& [from, to] : replacements)
      for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
  }

  /// Cut to the width with an ellipsis that this terminal has.
  [[nodiscard]] std::string cut(const std::string& text, std::size_t width) const {
    const std::string shown = printable(text);  // before it is measured
    if (style_.unicode || display_width(shown) <= width) return shorten(plain(shown), width);
    constexpr std::size_t ellipsis = 3;
    return plain(shorten(shown, width > ellipsis ? width - ellipsis + 1 : 1));
  }

  static std::string left(const std::string& text, std::size_t width) {
    const std::size_t used = display_width(text);
    return text + std::string(used < width ? width - used : 0, ' ');
  }
  static std::string right(const std::string& text, std::size_t width) {
    const std::size_t used = display_width(text);
    return std::string(used < width ? width - used : 0, ' ') + text;
  }

  void put(const std::string& line) { out_ += line + "\n"; }

  /// Words broken at spaces so that no line passes the width; following lines are indented.
  void put_wrapped(const std::string& words, std::size_t indent, std::string_view code) {
    std::string line;
    bool first = true;
    const auto flush = [&] {
      if (!line.empty()) put(std::string(first ? 0 : indent, ' ') + paint(code, line));
      first = false;
      line.clear();
    };
    std::size_t begin = 0;
    while (begin < words.size()) {
      const std::size_t end = std::min(words.find(' ', begin), words.size());
      const std::string word = words.substr(begin, end - begin);
      const std::size_t room = width_ - (first ? 0 : indent);
      if (!line.empty() && display_width(line) + 1 + display_width(word) > room) flush();
      line += (line.empty() ? "" : " ") + word;
      begin = end + 1;
    }
    flush();
  }

  void machine() {
    const MachineReport& machine = report_.machine;
    put(paint("1", cut(machine.cpu, width_)));
    std::string facts = team_of(report_) + " of " + std::to_string(machine.usable_cpus) + " usable CPUs · best tier " +
                        std::string(name_of(machine.isa));
    const PeakRates& peak = machine.peak;
    if (peak.fp32_gflops) facts += " · measured peak FP32 " + quantity(*peak.fp32_gflops) + " GFLOP/s";
    if (peak.bf16_gflops) facts += ", BF16 " + quantity(*peak.bf16_gflops) + " GFLOP/s";
    if (peak.int8_gops) facts += ", INT8 " + quantity(*peak.int8_gops) + " GOP/s";
    put_wrapped(plain(facts), 2, "2");
    std::string protocol = std::to_string(report_.protocol.warmup) + " warm-up inferences per case, then up to " +
                           std::to_string(report_.protocol.samples) + " interleaved rounds";
    if (report_.protocol.max_seconds > 0)
      protocol += " within " + short_number(report_.protocol.max_seconds) + " s per model";
    if (has_streams(report_))
      protocol += "; all streams busy: times are of one request, per s and speed-up of all streams";
    if (report_.protocol.tuned)
      protocol += "; layers tuned by timing, so FP32 and BF16 may differ in their last bits from run to run";
    put_wrapped(plain(protocol), 2, "2");
  }

  void table(const ModelReport& model) {
    put("");
    const PointReport& first = model.points.front();
    std::string facts = model.is_sweep() ? std::to_string(model.points.size()) + " points" : extents_text(first, " · ");
    facts += " · " + model.source;
    const std::size_t used = std::min(display_width(model.name), width_ / 2) + 2;
    put(paint("1", cut(model.name, used - 2)) + "  " + paint("2", cut(facts, width_ - used)));
    if (!model.is_sweep() && !first.failure.empty()) return put_wrapped(plain("failed: " + first.failure), 2, "31");
    header();
    double fastest = 0;
    for (const PointReport& point : model.points)
      for (const CaseReport& row : point.cases) fastest = std::max(fastest, row.speedup_vs_fp32.value_or(0));
    for (const PointReport& point : model.points) rows(model, point, fastest);
    if (model.is_sweep()) throughput_chart(model);
    notes(model);
  }

  /// The rows of one point, of a sweep below a line that says which.
  void rows(const ModelReport& model, const PointReport& point, double fastest) {
    if (model.is_sweep()) put(paint("1", extents_text(point)));
    if (!point.failure.empty()) put_wrapped(plain("failed: " + point.failure), 2, "31");
    for (const CaseReport& row : point.cases)
      // What is not available is so at every point, and said once.
      if (row.status != CaseStatus::unavailable || &point == &model.points.front()) line(row, fastest);
  }

  /// What holds for several points is said once.
  void notes(const ModelReport& model) {
    std::vector<std::string> said;
    const auto say_once = [&](const std::string& words, std::size_t indent, std::string_view code) {
      if (std::ranges::find(said, words) != said.end()) return;
      said.push_back(words);
      put_wrapped(plain(words), indent, code);
    };
    for (const PointReport& point : model.points) {
      if (point.cases.empty()) continue;
      say_once(accuracy_note(model, point), 0, "2");
      for (const std::string& warning : warnings_of(point)) say_once("warning: " + warning, 2, "33");
    }
  }

  /// Bars of the throughput of each case over the points.
  void throughput_chart(const ModelReport& model) {
    put("");
    put(paint("1", "per s over " + std::string(with_seq(model) ? "batch and sequence length" : "batch")));
    double most = 0;
    for (const PointReport& point : model.points)
      for (const CaseReport& row : point.cases)
        if (row.status == CaseStatus::ok) most = std::max(most, row.throughput_per_s);
    for (const CaseReport& named : model.points.front().cases) {
      bool first = true;
      for (const PointReport& point : model.points) {
        const auto row = std::ranges::find(point.cases, named.name, &CaseReport::name);
        if (row == point.cases.end() || row->status != CaseStatus::ok) continue;
        put(chart_line(first ? named.name : std::string(), point, *row, most, with_seq(model)));
        first = false;
      }
    }
    put("");
  }

  [[nodiscard]] std::string chart_line(const std::string& name, const PointReport& point, const CaseReport& row,
                                       double most, bool seq) const {
    constexpr std::size_t extent_width = 8, figure_width = 8, gap = 2;
    std::string text = paint(colour_of(row.precision), left(cut(name, case_width - 1), case_width));
    std::string at = std::to_string(point.batch);
    if (seq) at += " x " + std::to_string(point.seq.value_or(0));
    const std::size_t at_width = seq ? 2 * extent_width : extent_width;
    text += right(at, at_width) + right(quantity(row.throughput_per_s), figure_width);
    const std::size_t used = case_width + at_width + figure_width + gap;
    const std::size_t room = width_ > used ? width_ - used : 0;
    if (most > 0) text += "  " + paint(colour_of(row.precision), bar(row.throughput_per_s / most, room));
    return text;
  }

  static bool with_seq(const ModelReport& model) { return model.points.front().seq.has_value(); }

  static bool has_streams(const Report& report) {
    for (const ModelReport& model : report.models)
      for (const PointReport& point : model.points)
        for (const CaseReport& row : point.cases)
          if (row.streams > 1) return true;
    return false;
  }

  static std::string accuracy_note(const ModelReport& model, const PointReport& point) {
    if (is_scored(point))
      return "Top-1 against the labels of " + point.accuracy_inputs + "; cosine against " +
             std::string(baseline_name(point)) + " on the same.";
    std::string note = model.synthetic_weights ? "Synthetic weights: accuracy" : "Accuracy";
    note += " is agreement with " + std::string(baseline_name(point));
    if (!point.accuracy_inputs.empty()) note += " on " + point.accuracy_inputs;
    if (point.baseline != Precision::fp32)
      note += "; the file is quantized, so every case runs its integers, and speed-up is over them as well";
    return note + ".";
  }

  void header() {
    std::string titles = left("case", case_width);
    for (std::size_t index = 0; index < columns.size(); ++index)
      if (shown_[index]) titles += right(std::string(columns[index].title), columns[index].width);
    put(paint("2", titles));
    std::string rule;
    for (std::size_t i = 0; i < display_width(titles) + (bar_width_ > 0 ? bar_width_ + 2 : 0); ++i) rule += "─";
    put(paint("2", plain(rule)));
  }

  void line(const CaseReport& row, double fastest) {
    if (row.status != CaseStatus::ok) {
      const std::string words = (row.status == CaseStatus::failed ? "failed: " : "not available here: ") + row.reason;
      put_wrapped(left(row.name, case_width - 1) + " " + plain(words), case_width,
                  row.status == CaseStatus::failed ? "31" : "2");
      return;
    }
    std::string text = paint(colour_of(row.precision), left(cut(row.name, case_width - 1), case_width));
    for (std::size_t index = 0; index < columns.size(); ++index) {
      if (!shown_[index]) continue;
      const std::string cell = plain(right(figure(row, index), columns[index].width));
      text += index == speed_column || index == median_column ? paint("1", cell) : cell;
    }
    if (bar_width_ > 0 && row.speedup_vs_fp32)
      text += "  " + paint(colour_of(row.precision), bar(*row.speedup_vs_fp32 / fastest, bar_width_));
    put(text);
    if (const std::string runs = departure_of(row); !runs.empty()) put(paint("2", "  runs " + runs));
  }

  static std::string figure(const CaseReport& row, std::size_t column) {
    switch (column) {
      case median_column: return milliseconds(row.latency_ms.p50);
      case p90_column: return milliseconds(row.latency_ms.p90);
      case p99_column: return milliseconds(row.latency_ms.p99);
      case rate_column: return quantity(row.throughput_per_s);
      case peak_column: return row.peak_fraction ? fixed(*row.peak_fraction * 100, 0) : "-";
      case speed_column: return row.speedup_vs_fp32 ? fixed(*row.speedup_vs_fp32, 2) + "×" : "-";
      case cosine_column: return row.accuracy ? cosine_text(row.accuracy->cosine) : "-";
      case top1_column:
        if (row.top1) return percent(*row.top1);
        return row.accuracy ? percent(row.accuracy->top1_agreement) : "-";
      default: return {};
    }
  }

  /// `share` of so many columns, to an eighth of a character where the terminal has the blocks for it.
  [[nodiscard]] std::string bar(double share, std::size_t room) const {
    constexpr std::array<std::string_view, 8> parts = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const double cells = std::clamp(share, 0.0, 1.0) * static_cast<double>(room);
    std::string text;
    if (!style_.unicode) return std::string(static_cast<std::size_t>(std::lround(cells)), '#');
    const auto eighths = static_cast<std::size_t>(std::lround(cells * 8));
    for (std::size_t i = 0; i < eighths / 8; ++i) text += "█";
    return text + std::string(parts[eighths % 8]);
  }

  const Report& report_;
  TextStyle style_;
  std::size_t width_;
  std::array<bool, columns.size()> shown_{};
  std::size_t bar_width_ = 0;
  std::string out_;
};

}  // namespace

std::string report_text(const Report& report, const TextStyle& style) {
  return TextReport(report, style).text();
}

}  // namespace tessera
