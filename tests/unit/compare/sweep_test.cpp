// A model at several batches and sequence lengths: the points, and what reports make of them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compare/compare_models.hpp"
#include "compare/format.hpp"
#include "compare/writers.hpp"
#include "unit/compare/report_fixture.hpp"

namespace tessera {
namespace {

using nlohmann::json;

/// Batches 1, 4 and 16 at the sequence lengths 64 and 128; throughput grows with the batch.
Report swept_report() {
  Report report = example_report();
  ModelReport& model = report.models[1];
  const PointReport first = model.points.front();
  model.points.clear();
  for (const int seq : {64, 128})
    for (const int batch : {1, 4, 16}) {
      PointReport& point = model.points.emplace_back(first);
      point.batch = batch;
      point.seq = seq;
      for (CaseReport& row : point.cases) row.throughput_per_s *= 1 + 0.01 * batch;
    }
  report.models.erase(report.models.begin());
  return report;
}

TEST(SweepPoints, AllCombinationsTheFirstSymbolFastest) {
  const std::vector<Extents> points = sweep_points({{"side", 64}}, {{"batch", {1, 4}}, {"seq", {32, 64, 16}}});
  ASSERT_EQ(points.size(), 6U);
  EXPECT_EQ(points[1], (Extents{{"batch", 4}, {"seq", 32}, {"side", 64}}));
  EXPECT_EQ(points[2], (Extents{{"batch", 1}, {"seq", 64}, {"side", 64}}));
  EXPECT_EQ(calibration_point(points), (Extents{{"batch", 1}, {"seq", 64}, {"side", 64}}));
}

TEST(SweepPoints, NothingToSweepIsOnePoint) {
  EXPECT_EQ(sweep_points({{"batch", 3}}, {}), std::vector<Extents>{(Extents{{"batch", 3}})});
  EXPECT_EQ(sweep_points({}, {{"batch", {}}}), std::vector<Extents>{Extents{}});
}

TEST(SweepReport, AModelAppearsOnceWithItsPoints) {
  const json report = json::parse(report_json(swept_report()));
  ASSERT_EQ(report["models"].size(), 1U);
  const json& model = report["models"][0];
  ASSERT_EQ(model["points"].size(), 6U);
  EXPECT_EQ(model["points"][4]["batch"], 4);
  EXPECT_EQ(model["points"][4]["seq"], 128);
  EXPECT_EQ(model["points"][4]["cases"].size(), 6U);
  // The first point stands in the model as well, where a report of one point has it.
  EXPECT_EQ(model["batch"], 1);
  EXPECT_EQ(model["seq"], 64);
  EXPECT_EQ(model["cases"], model["points"][0]["cases"]);
  EXPECT_FALSE(json::parse(report_json(example_report()))["models"][0].contains("points"));
}

TEST(SweepReport, CsvHasALineForEveryCaseOfEveryPoint) {
  const std::string csv = report_csv(swept_report());
  EXPECT_EQ(occurrences(csv, "\n"), 1U + 6 * 6);
  EXPECT_NE(csv.find("bert-base,\"built-in, synthetic weights\",16,128,int8@avx2,"), std::string::npos);
}

TEST(SweepReport, TheTerminalShowsTableAndChart) {
  const std::string text = report_text(swept_report(), {.colour = false, .unicode = true, .width = 100});
  EXPECT_EQ(occurrences(text, "batch 16, sequence 128\n"), 1U);
  EXPECT_EQ(occurrences(text, "median ms"), 1U);
  EXPECT_EQ(occurrences(text, "not available here"), 3U);  // once, not at each point
  EXPECT_NE(text.find("per s over batch and sequence length"), std::string::npos);
  EXPECT_NE(text.find("16 x 128"), std::string::npos);
  EXPECT_EQ(occurrences(text, "Synthetic weights: accuracy is agreement"), 1U);
}

TEST(SweepReport, TheTerminalIsWideEnough) {
  for (const int width : {60, 80, 100}) {
    const std::string text = report_text(swept_report(), {.colour = false, .unicode = true, .width = width});
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = text.find('\n', begin);
      EXPECT_LE(display_width(text.substr(begin, end - begin)), static_cast<std::size_t>(width));
      begin = end + 1;
    }
  }
}

TEST(SweepReport, LinesForCasesAndPanelsForTheOtherAxis) {
  const ModelReport model = swept_report().models[0];
  const std::string over_batch = sweep_chart_svg(model, SweepFigure::throughput, SweepAxis::batch);
  EXPECT_NE(over_batch.find("bert-base: throughput over batch"), std::string::npos);
  EXPECT_EQ(occurrences(over_batch, "<polyline"), 2U * 3);  // panels, measured cases
  EXPECT_EQ(occurrences(over_batch, ">sequence 64<") + occurrences(over_batch, ">sequence 128<"), 2U);
  const std::string over_seq = sweep_chart_svg(model, SweepFigure::throughput, SweepAxis::seq);
  EXPECT_EQ(occurrences(over_seq, "<polyline"), 3U * 3);
  EXPECT_NE(over_seq.find("int8@avx2, sequence length 128:"), std::string::npos);
}

TEST(SweepReport, CasesOfOnePrecisionAreToldApart) {
  ModelReport model = swept_report().models[0];
  for (PointReport& point : model.points)
    point.cases.push_back(measured_case("int8@avx512_core_vnni", Precision::int8, Isa::avx512_core_vnni, 8, 40));
  const std::string svg = sweep_chart_svg(model, SweepFigure::speedup, SweepAxis::batch);
  EXPECT_NE(svg.find("tc-line tl-int8\""), std::string::npos);
  EXPECT_NE(svg.find("tc-line tl-int8 tc-dash1\""), std::string::npos);
}

TEST(SweepReport, ChartsAndFiles) {
  std::vector<std::string> names;
  for (const auto& [name, content] : report_files(swept_report())) names.push_back(name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"report.json", "report.csv", "report.html", "bert-base-throughput.svg",
                                      "bert-base-throughput-seq.svg", "bert-base-speedup.svg", "bert-base-time.svg"}));
  const std::string html = report_html(swept_report());
  EXPECT_EQ(occurrences(html, "<section>"), 1U);
  EXPECT_EQ(occurrences(html, "<svg "), 4U);
  EXPECT_EQ(occurrences(html, "<table"), 1U);
  EXPECT_EQ(occurrences(html, "data-label=\"sequence\""), 6U * 3);
}

TEST(SweepReport, APointThatFailedSaysSo) {
  Report report = swept_report();
  PointReport& point = report.models[0].points[5];
  point.cases.clear();
  point.failure = "the table of positions ends at 64";
  EXPECT_EQ(json::parse(report_json(report))["models"][0]["points"][5]["failure"], point.failure);
  for (const std::string& form : {report_text(report, {}), report_html(report), report_csv(report)})
    EXPECT_NE(form.find("the table of positions ends at 64"), std::string::npos);
}

TEST(StreamsReport, SaysStreamsTimesThreads) {
  Report report = example_report();
  for (ModelReport& model : report.models)
    for (CaseReport& row : model.points[0].cases) row.streams = 2, row.threads = 1;
  const std::string text = report_text(report, {.colour = false, .unicode = true, .width = 100});
  EXPECT_NE(text.find("2 streams x 1 thread of 2 usable CPUs"), std::string::npos);
  EXPECT_NE(text.find("busy: times are"), std::string::npos);
  EXPECT_NE(report_html(report).find("2 streams x 1 thread"), std::string::npos);
  const json row = json::parse(report_json(report))["models"][0]["cases"][0];
  EXPECT_EQ(row["streams"], 2);
  EXPECT_EQ(row["threads"], 1);
  EXPECT_NE(report_csv(report).find(",2,1\n"), std::string::npos);
  EXPECT_NE(time_chart_svg(report.models[0], report.models[0].points[0]).find("all streams busy"), std::string::npos);
}

}  // namespace
}  // namespace tessera
