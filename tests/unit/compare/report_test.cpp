#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compare/format.hpp"
#include "compare/writers.hpp"
#include "unit/compare/report_fixture.hpp"

namespace tessera {
namespace {

using nlohmann::json;

/// The first place where tags do not nest, or nothing. `voids` need no closing tag.
std::string nesting_error(const std::string& markup, const std::vector<std::string>& voids = {}) {
  std::vector<std::string> open;
  for (std::size_t at = markup.find('<'); at != std::string::npos; at = markup.find('<', at + 1)) {
    const std::size_t end = markup.find('>', at);
    if (end == std::string::npos) return "unterminated tag";
    const std::string tag = markup.substr(at + 1, end - at - 1);
    if (tag.empty() || tag[0] == '!' || tag.back() == '/') continue;
    const bool closing = tag[0] == '/';
    const std::string name = tag.substr(closing ? 1 : 0, tag.find_first_of(" \n", 1) - (closing ? 1 : 0));
    if (std::find(voids.begin(), voids.end(), name) != voids.end()) continue;
    if (!closing) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return "unexpected </" + name + ">";
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : "unclosed <" + open.back() + ">";
}

Report report_with_failure() {
  Report report = example_report();
  report.models[1].name = "tricky <model> & \"name\"";
  report.models[1].points[0].cases[2] =
      missing_case("bf16@avx2", Precision::bf16, Isa::avx2, CaseStatus::failed, "node \"a,b\": <nan> & more");
  return report;
}

TEST(ReportJson, FollowsTheContract) {
  const json report = json::parse(report_json(example_report()));
  EXPECT_EQ(report["tessera"]["version"], "0.1.0");
  for (const char* key : {"cpu", "isa", "features", "usable_cpus", "threads", "kernel", "peak"})
    EXPECT_TRUE(report["machine"].contains(key)) << key;
  EXPECT_DOUBLE_EQ(report["machine"]["peak"]["fp32_gflops"].get<double>(), 212.4);
  EXPECT_DOUBLE_EQ(report["machine"]["peak"]["int8_gops"].get<double>(), 818.0);
  EXPECT_EQ(report["protocol"]["warmup"], 20);
  EXPECT_EQ(report["protocol"]["samples"], 1000);
  EXPECT_DOUBLE_EQ(report["protocol"]["max_seconds"].get<double>(), 120.0);
  ASSERT_EQ(report["models"].size(), 2U);
  EXPECT_EQ(report["models"][0]["batch"], 1);
  EXPECT_TRUE(report["models"][0]["seq"].is_null());
  EXPECT_EQ(report["models"][1]["seq"], 128);
  const json& row = report["models"][0]["cases"][5];
  EXPECT_EQ(row["case"], "int8@avx2");
  EXPECT_EQ(row["precision"], "int8");
  EXPECT_EQ(row["isa"], "avx2");
  EXPECT_EQ(row["status"], "ok");
  EXPECT_EQ(row["samples"], 1000);
  for (const char* key : {"min", "p50", "p90", "p99", "mean"}) EXPECT_TRUE(row["latency_ms"][key].is_number()) << key;
  EXPECT_EQ(row["latency_ms"]["ci95"].size(), 2U);
  for (const char* key :
       {"throughput_per_s", "speedup_vs_fp32", "gflops", "peak_fraction", "prepare_ms", "first_inference_ms"})
    EXPECT_TRUE(row[key].is_number()) << key;
  for (const char* key : {"cosine", "sqnr_db", "top1_agreement"}) EXPECT_TRUE(row["accuracy"][key].is_number()) << key;
  for (const char* key : {"weights", "arena", "rss"}) EXPECT_TRUE(row["memory_mb"][key].is_number()) << key;
}

TEST(ReportJson, UnavailableRowsHaveAReasonAndNoFigures) {
  const json report = json::parse(report_json(example_report()));
  const json& row = report["models"][0]["cases"][1];
  EXPECT_EQ(row["status"], "unavailable");
  EXPECT_NE(row["reason"].get<std::string>().find("amx"), std::string::npos);
  for (const char* key : {"latency_ms", "throughput_per_s", "speedup_vs_fp32", "accuracy", "memory_mb"})
    EXPECT_TRUE(row[key].is_null()) << key;
}

TEST(ReportJson, EqualOutputsHaveNoFiniteSqnrAndBadBytesAreSurvived) {
  Report report = example_report();
  report.models[0].source = "bad \xff bytes";
  const json parsed = json::parse(report_json(report));
  EXPECT_TRUE(parsed["models"][0]["cases"][0]["accuracy"]["sqnr_db"].is_null());
}

TEST(ReportCsv, EveryLineHasTheColumnsOfTheHeader) {
  const std::string csv = report_csv(report_with_failure());
  std::vector<std::size_t> columns;
  std::size_t commas = 0;
  bool quoted = false;
  for (const char letter : csv) {
    if (letter == '"') quoted = !quoted;
    if (letter == ',' && !quoted) ++commas;
    if (letter == '\n' && !quoted) {
      columns.push_back(commas + 1);
      commas = 0;
    }
  }
  ASSERT_EQ(columns.size(), 13U);
  for (const std::size_t count : columns) EXPECT_EQ(count, columns.front());
  EXPECT_NE(csv.find("\"node \"\"a,b\"\": <nan> & more\""), std::string::npos);
}

TEST(ReportSvg, ChartsAreWellFormedAndShowEveryRow) {
  const Report report = report_with_failure();
  for (const ModelReport& model : report.models)
    for (const std::string& svg : {time_chart_svg(model, model.points[0]), speedup_chart_svg(model, model.points[0])}) {
      EXPECT_EQ(nesting_error(svg), "");
      EXPECT_EQ(svg.find("<model>"), std::string::npos);
      for (const CaseReport& row : model.points[0].cases)
        EXPECT_NE(svg.find(">" + row.name + "<"), std::string::npos) << row.name;
    }
  const std::string time = time_chart_svg(report.models[0], report.models[0].points[0]);
  EXPECT_EQ(occurrences(time, "<rect class=\"tc-int8\""), 1U);
  EXPECT_NE(time.find("13.91 ms"), std::string::npos);
  EXPECT_NE(speedup_chart_svg(report.models[0], report.models[0].points[0]).find("2.76×"), std::string::npos);
}

TEST(ReportSvg, BarsAreProportional) {
  const ModelReport model = example_model("m", 40, 20, 10);
  const auto width_of = [svg = time_chart_svg(model, model.points[0])](const std::string& precision) {
    const std::size_t rect = svg.find("<rect class=\"tc-" + precision + "\"");
    const std::size_t width = svg.find("width=\"", rect) + 7;
    return std::stod(svg.substr(width));
  };
  EXPECT_NEAR(width_of("fp32") / width_of("bf16"), 2.0, 0.01);  // widths are written to a tenth of a pixel
  EXPECT_NEAR(width_of("fp32") / width_of("int8"), 4.0, 0.02);
}

TEST(ReportSvg, ModelWithoutMeasuredRows) {
  ModelReport model = example_model("m", 40, 20, 10);
  std::erase_if(model.points[0].cases, [](const CaseReport& row) { return row.status == CaseStatus::ok; });
  EXPECT_EQ(nesting_error(time_chart_svg(model, model.points[0])), "");
  EXPECT_EQ(nesting_error(speedup_chart_svg(model, model.points[0])), "");
}

TEST(ReportSvg, AWhiskerBeyondTheEdgeEndsInAnArrow) {
  ModelReport model = example_model("m", 40, 20, 10);
  const std::size_t lines = occurrences(time_chart_svg(model, model.points[0]), "<line class=\"tc-whisker\"");
  model.points[0].cases[5].latency_ms.p90 = 4000;  // a hundred times the longest bar
  // Two strokes for the head where one cap was.
  EXPECT_EQ(occurrences(time_chart_svg(model, model.points[0]), "<line class=\"tc-whisker\""), lines + 1);
}

TEST(ReportSvg, WhereNothingWasMeasuredTheChartSaysSo) {
  ModelReport model = example_model("m", 40, 20, 10);
  for (CaseReport& row : model.points[0].cases) {
    if (row.status != CaseStatus::ok) continue;
    row.status = CaseStatus::failed;
    row.reason = "no";
  }
  for (const std::string& svg : {time_chart_svg(model, model.points[0]), speedup_chart_svg(model, model.points[0])}) {
    EXPECT_NE(svg.find("Nothing was measured."), std::string::npos);
    EXPECT_EQ(svg.find("whiskers"), std::string::npos);
  }
  ModelReport without_fp32 = example_model("m", 40, 20, 10);
  for (CaseReport& row : without_fp32.points[0].cases) row.speedup_vs_fp32.reset();
  EXPECT_NE(speedup_chart_svg(without_fp32, without_fp32.points[0]).find("No FP32 case was measured"),
            std::string::npos);
}

TEST(ReportSvg, EveryPrecisionHasAColour) {
  ModelReport model = example_model("m", 40, 20, 10);
  model.points[0].cases[5].precision = Precision::int8_dynamic;
  const std::string svg = time_chart_svg(model, model.points[0]);
  EXPECT_NE(svg.find("class=\"tc-int8-dynamic\""), std::string::npos);
  EXPECT_EQ(occurrences(svg, ".tc-int8-dynamic{fill:"), 2U);  // light and dark
  EXPECT_EQ(occurrences(report_html(example_report()), "--int8-dynamic:"), 2U);
}

TEST(Reports, ACaseSaysWhatReallyRuns) {
  Report report = example_report();
  ModelReport& model = report.models[0];
  model.points[0].baseline = Precision::int8;
  for (CaseReport& row : model.points[0].cases) {
    if (row.status != CaseStatus::ok) continue;
    row.precision = Precision::int8;
    row.work = {.fp32 = 0.02, .bf16 = 0, .int8 = 0.98};
  }
  EXPECT_EQ(departure_of(model.points[0].cases[0]), "int8 98 %");  // "fp32"
  EXPECT_EQ(departure_of(model.points[0].cases[5]), "");           // "int8@avx2"
  const json parsed = json::parse(report_json(report));
  EXPECT_EQ(parsed["models"][0]["baseline_precision"], "int8");
  EXPECT_EQ(parsed["models"][0]["cases"][0]["case"], "fp32");
  EXPECT_EQ(parsed["models"][0]["cases"][0]["precision"], "int8");
  EXPECT_DOUBLE_EQ(parsed["models"][0]["cases"][0]["multiplies"]["int8"].get<double>(), 0.98);
  const std::string text = report_text(report, {.colour = false, .unicode = true, .width = 100});
  EXPECT_NE(text.find("runs int8 98 %"), std::string::npos);
  EXPECT_NE(text.find("agreement with the file's own INT8"), std::string::npos);
  EXPECT_NE(report_html(report).find("runs int8 98 %"), std::string::npos);
  EXPECT_NE(speedup_chart_svg(model, model.points[0]).find("speed-up over the file&#39;s own INT8"), std::string::npos);
}

TEST(Reports, WarningsNameTheirCases) {
  Report report = example_report();
  for (const std::size_t i : {std::size_t{0}, std::size_t{5}})
    report.models[0].points[0].cases[i].warnings = {"input x held 3 numbers <NaN>"};
  EXPECT_EQ(warnings_of(report.models[0].points[0]),
            std::vector<std::string>{"fp32, int8@avx2: input x held 3 numbers <NaN>"});
  EXPECT_NE(report_text(report, {}).find("warning: fp32, int8@avx2: input x held 3"), std::string::npos);
  EXPECT_NE(report_html(report).find("held 3 numbers &lt;NaN&gt;"), std::string::npos);
  EXPECT_EQ(json::parse(report_json(report))["models"][0]["cases"][5]["warnings"].size(), 1U);
}

TEST(Reports, APartAndAModelThatFailedSaySo) {
  Report report = example_report();
  report.partial = true;
  ModelReport& model = report.models[1];
  model.points[0].cases.clear();
  model.points[0].failure = "model bad.onnx: it is <cut> short";
  EXPECT_EQ(json::parse(report_json(report))["partial"], true);
  EXPECT_EQ(json::parse(report_json(report))["models"][1]["failure"], model.points[0].failure);
  EXPECT_NE(report_text(report, {}).find("interrupted"), std::string::npos);
  EXPECT_NE(report_text(report, {}).find("it is <cut> short"), std::string::npos);
  const std::string html = report_html(report);
  EXPECT_EQ(nesting_error(html, {"meta"}), "");
  EXPECT_NE(html.find("Interrupted"), std::string::npos);
  EXPECT_NE(html.find("it is &lt;cut&gt; short"), std::string::npos);
  EXPECT_NE(report_csv(report).find("it is <cut> short"), std::string::npos);
  EXPECT_EQ(report_files(report).size(), 5U);  // no charts of nothing
}

TEST(ReportCsv, WhatASpreadsheetTakesForAFormulaIsText) {
  Report report = example_report();
  report.models[0].name = "=HYPERLINK(1)";
  report.models[0].source = "@x";
  const std::string csv = report_csv(report);
  EXPECT_NE(csv.find("\"'=HYPERLINK(1)\",\"'@x\""), std::string::npos);
  EXPECT_EQ(csv.find("\n="), std::string::npos);
}

TEST(ReportHtml, StandsAloneAndNests) {
  const std::string html = report_html(report_with_failure());
  EXPECT_EQ(nesting_error(html, {"meta"}), "");
  EXPECT_EQ(occurrences(html, "<svg "), 4U);
  EXPECT_EQ(occurrences(html, "<script>"), 1U);  // sorts tables; nothing is loaded
  EXPECT_EQ(html.find("<link"), std::string::npos);
  EXPECT_EQ(html.find("src="), std::string::npos);
  EXPECT_EQ(html.find("href="), std::string::npos);
  EXPECT_EQ(html.find("url("), std::string::npos);
  // The only address is the name of the SVG language.
  EXPECT_EQ(occurrences(html, "http"), occurrences(html, "http://www.w3.org/2000/svg"));
  EXPECT_NE(html.find("Synthetic weights: accuracy is agreement with FP32"), std::string::npos);
  EXPECT_NE(html.find("tricky &lt;model&gt; &amp; &quot;name&quot;"), std::string::npos);
  EXPECT_NE(html.find("failed: node &quot;a,b&quot;: &lt;nan&gt; &amp; more"), std::string::npos);
}

TEST(Reports, LabelledDataGiveTheirScore) {
  Report report = example_report();
  ModelReport& model = report.models[0];
  model.synthetic_weights = false;
  model.points[0].accuracy_inputs = "1000 items of photos";
  for (CaseReport& row : model.points[0].cases)
    if (row.status == CaseStatus::ok) row.top1 = row.precision == Precision::int8 ? 0.757 : 0.761;
  const json parsed = json::parse(report_json(report));
  const json& row = parsed["models"][0]["cases"][5];
  EXPECT_DOUBLE_EQ(row["accuracy"]["top1"].get<double>(), 0.757);
  EXPECT_DOUBLE_EQ(row["accuracy"]["top1_agreement"].get<double>(), 0.984);
  EXPECT_NE(report_csv(report).find(",0.757,"), std::string::npos);
  const std::string text = report_text(report, {.colour = false, .unicode = true, .width = 100});
  EXPECT_NE(text.find("75.7 %"), std::string::npos);
  EXPECT_NE(text.find("Top-1 against the labels of 1000 items of photos"), std::string::npos);
  const std::string html = report_html(report);
  EXPECT_EQ(nesting_error(html, {"meta"}), "");
  EXPECT_NE(html.find("75.7 %"), std::string::npos);
  EXPECT_EQ(html.find("not accuracy on a task. Compared on 1000 items"), std::string::npos);
}

TEST(ReportText, FitsTheTerminal) {
  for (const int width : {60, 72, 80, 100})
    for (const bool unicode : {false, true}) {
      const std::string text =
          report_text(report_with_failure(), {.colour = false, .unicode = unicode, .width = width});
      std::size_t begin = 0;
      while (begin < text.size()) {
        const std::size_t end = text.find('\n', begin);
        const std::string line = text.substr(begin, end - begin);
        EXPECT_LE(display_width(line), static_cast<std::size_t>(width)) << line;
        begin = end + 1;
      }
      EXPECT_NE(text.find("int8@avx2"), std::string::npos);
      EXPECT_NE(text.find("13.91"), std::string::npos);
      EXPECT_NE(text.find("0.99871"), std::string::npos);
    }
}

TEST(ReportText, AsciiOnlyWhereTheTerminalKnowsNoMore) {
  const std::string text = report_text(example_report(), {.colour = false, .unicode = false, .width = 100});
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  EXPECT_NE(text.find("###"), std::string::npos);
}

TEST(ReportText, NamesAreShownNotObeyed) {
  Report report = report_with_failure();
  const std::string hostile = "\x1b]0;title\a\x1b[2J\xc2\x9b";
  report.models[0].name += hostile;
  report.models[1].source += hostile;
  report.models[1].points[0].cases[2].reason += hostile;
  report.models[0].points[0].cases[0].warnings = {hostile};
  report.models[0].points[0].accuracy_inputs = hostile;
  report.machine.cpu += hostile;
  for (const bool unicode : {false, true}) {
    const std::string text = report_text(report, {.colour = false, .unicode = unicode, .width = 100});
    EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](char letter) { return letter == '\x1b' || letter == '\a'; }));
    EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
    EXPECT_NE(text.find("\\x1b"), std::string::npos);
  }
}

TEST(ReportText, ColourOnlyWhenAskedFor) {
  EXPECT_EQ(report_text(example_report(), {.colour = false}).find('\x1b'), std::string::npos);
  EXPECT_NE(report_text(example_report(), {.colour = true}).find('\x1b'), std::string::npos);
}

TEST(ReportFiles, AllOfThem) {
  std::vector<std::string> names;
  for (const auto& [name, content] : report_files(example_report())) {
    names.push_back(name);
    EXPECT_FALSE(content.empty());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"report.json", "report.csv", "report.html", "resnet50-time.svg",
                                             "resnet50-speedup.svg", "bert-base-time.svg", "bert-base-speedup.svg"}));
}

TEST(Format, Figures) {
  EXPECT_EQ(milliseconds(0.04213), "0.0421");
  EXPECT_EQ(milliseconds(0.4213), "0.421");
  EXPECT_EQ(milliseconds(7.4213), "7.42");
  EXPECT_EQ(milliseconds(74.213), "74.21");
  EXPECT_EQ(milliseconds(742.13), "742.1");
  EXPECT_EQ(milliseconds(7421.3), "7421");
  EXPECT_EQ(percent(1.0), "100 %");
  EXPECT_EQ(percent(0.99999), "99.9 %");
  EXPECT_EQ(percent(0.5), "50.0 %");
  EXPECT_EQ(cosine_text(0.999999), "0.99999");
  EXPECT_EQ(cosine_text(1.0), "1.00000");
  EXPECT_EQ(short_number(120), "120");
  EXPECT_EQ(shorten("abcdef", 4), "abc…");
  EXPECT_EQ(shorten("é×é×", 4), "é×é×");
  EXPECT_EQ(escape_xml("<a & 'b'>\x01"), "&lt;a &amp; &#39;b&#39;&gt;");
  EXPECT_EQ(printable("a\x1b[31m\n\x7f\xc2\x9b é"), "a\\x1b[31m\\x0a\\x7f\\xc2\\x9b é");
}

}  // namespace
}  // namespace tessera
