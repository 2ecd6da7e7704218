// Layers beside the roofs of the machine: what a profile says, and the pages, charts and files made of it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compare/busy_streams.hpp"
#include "compare/layers_html.hpp"
#include "compare/plan_files.hpp"
#include "compare/profile.hpp"
#include "compare/profile_json.hpp"
#include "compare/roofline_chart.hpp"
#include "compare/team_peak.hpp"
#include "compare/writers.hpp"
#include "cpu/case_name.hpp"
#include "unit/compare/report_fixture.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

using nlohmann::json;

ProfiledStep step(const std::string& node, const std::string& precision, double gflop, double ms, std::int64_t bytes,
                  std::vector<int> reads) {
  ProfiledStep entry;
  entry.step.node = node;
  entry.step.op = gflop > 0 ? "FusedConv" : "Softmax";
  entry.step.kernel = "avx2-f32-6x16";
  entry.step.isa = "avx2";
  entry.step.precision = precision;
  entry.step.gflop = gflop;
  entry.step.seconds = ms / 1e3;
  entry.step.bytes = bytes;
  entry.step.reads = std::move(reads);
  return entry;
}

/// 100 G/s in FP32, 400 in INT8, 10 GB/s.
LayerProfile example_profile() {
  LayerProfile profile;
  profile.runs = 5;
  profile.peak = {.fp32_gflops = 100, .bf16_gflops = 100, .int8_gops = 400};
  profile.bandwidth_gbps = 10;
  profile.steps = {step("conv<1>", "f32", 0.9, 10, 1000000, {-1}), step("fc", "u8*s8->f32", 0.4, 10, 40000000, {0, 0}),
                   step("softmax", "f32", 0, 1, 4000000, {1, -1})};
  for (ProfiledStep& entry : profile.steps) {
    profile.seconds += entry.step.seconds;
    if (entry.step.gflop > 0) entry.peak_fraction = rate_of(entry.step) / peak_for(profile.peak, entry.step);
  }
  for (ProfiledStep& entry : profile.steps) {
    entry.share = entry.step.seconds / profile.seconds;
    entry.reason = limit_of(entry, profile);
  }
  return profile;
}

TEST(CaseName, IsPrecisionAtIsa) {
  EXPECT_EQ(case_name(Precision::int8_dynamic, Isa::avx512_core_vnni), "int8-dynamic@avx512_core_vnni");
  for (const Isa isa : all_isas) EXPECT_EQ(parse_case(case_name(Precision::bf16, isa)).isa, isa);
}

TEST(Profile, TheReasonIsWhatTheTimesShow) {
  const LayerProfile profile = example_profile();
  EXPECT_EQ(profile.steps[0].reason, "");  // 90 % of the peak
  // 10 operations per byte at 10 GB/s are 100 of 400 G/s.
  EXPECT_EQ(profile.steps[1].reason, "bytes: memory allows 25.0 % of the peak");
  EXPECT_EQ(profile.steps[2].reason, "bytes: 4.00 GB/s, memory does 10.00");
  ProfiledStep brief = step("brief", "f32", 0.0001, 0.01, 100, {});
  brief.peak_fraction = 0.1;
  EXPECT_EQ(limit_of(brief, profile), "short: 10.0 us");
}

TEST(Profile, JsonHasTimesOnlyWhereTheyAreKnown) {
  LayerProfile profile = example_profile();
  json steps = json::parse(steps_json(profile).dump());
  EXPECT_DOUBLE_EQ(steps[1]["ms"].get<double>(), 10);
  EXPECT_EQ(steps[1]["reads"], (std::vector<int>{0, 0}));
  EXPECT_NE(steps[1]["reason"].get<std::string>(), "");
  EXPECT_DOUBLE_EQ(json::parse(profile_json(profile).dump())["bandwidth_gbps"].get<double>(), 10);
  profile.runs = 0;
  EXPECT_FALSE(json::parse(steps_json(profile).dump())[1].contains("ms"));
}

TEST(Profile, TraceLaysTheStepsEndToEnd) {
  const json trace = json::parse(plan_trace(example_profile(), "a model"));
  std::vector<json> steps;
  for (const json& event : trace["traceEvents"])
    if (event["ph"] == "X") steps.push_back(event);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_DOUBLE_EQ(steps[0]["dur"].get<double>(), 10000);  // microseconds
  EXPECT_DOUBLE_EQ(steps[2]["ts"].get<double>(), 20000);
  EXPECT_EQ(steps[1]["args"]["precision"], "u8*s8->f32");
}

TEST(Profile, DotHasAnArrowForEveryThingRead) {
  const std::string dot = plan_dot(example_profile(), "say \"hi\"");
  EXPECT_NE(dot.find("label=\"say \\\"hi\\\"\""), std::string::npos);
  for (const char* arrow : {"inputs -> s0;", "s0 -> s1;", "s1 -> s2;", "inputs -> s2;"})
    EXPECT_NE(dot.find(arrow), std::string::npos) << arrow;
  EXPECT_EQ(dot.find("s0 -> s1;"), dot.rfind("s0 -> s1;"));  // once, though it reads it twice
}

TEST(Profile, TheRooflineHasAPointForEachProductAndARoofForEachFormat) {
  const std::string svg = roofline_chart_svg(example_profile(), "m");
  EXPECT_NE(svg.find("class=\"tc-layer tc-fp32\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"tc-layer tc-int8\""), std::string::npos);
  EXPECT_NE(svg.find(">FP32 100.0<"), std::string::npos);
  EXPECT_NE(svg.find(">INT8 400.0<"), std::string::npos);
  EXPECT_EQ(svg.find(">BF16"), std::string::npos);
  EXPECT_NE(svg.find("conv&lt;1&gt;"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_NE(roofline_chart_svg({}, "m").find("No step that multiplies was timed."), std::string::npos);
}

TEST(Profile, PageOfAnExplainedSession) {
  ExplainedSession session;
  session.model = "m<1>";
  session.precision = "int8";
  session.extents = "batch 1";
  session.gflop = 1.3;
  session.profile = example_profile();
  const std::string timed = explain_html(session);
  for (const char* part : {"The plan of m&lt;1&gt;", "<svg ", "Time by kind of step", "memory allows", "of peak"})
    EXPECT_NE(timed.find(part), std::string::npos) << part;
  session.profile.runs = 0;
  const std::string plain = explain_html(session);
  EXPECT_EQ(plain.find("<svg "), std::string::npos);
  EXPECT_NE(plain.find("GFLOP"), std::string::npos);
}

TEST(Profile, StandsInTheReportOfItsCase) {
  Report report = example_report();
  EXPECT_EQ(report_html(report).find("<details>"), std::string::npos);
  report.models[0].points[0].cases[0].profile = example_profile();
  EXPECT_NE(report_html(report).find("Layers of <code>fp32</code>"), std::string::npos);
  EXPECT_EQ(json::parse(report_json(report))["models"][0]["cases"][0]["profile"]["steps"].size(), 3U);
}

TEST(Profile, OfASession) {
  Session session =
      Model::load(test_data("text/model.onnx")).compile({.isa = Isa::avx2, .threads = 1, .extents = {{"seq", 16}}});
  const LayerProfile plain = profile_layers(session, 0);
  EXPECT_EQ(plain.seconds, 0);
  const LayerProfile timed = profile_layers(session, 2);
  ASSERT_EQ(timed.steps.size(), plain.steps.size());
  EXPECT_GT(timed.bandwidth_gbps, 0);
  double shares = 0;
  for (std::size_t i = 0; i < timed.steps.size(); ++i) {
    shares += timed.steps[i].share;
    for (const int read : timed.steps[i].step.reads) EXPECT_LT(read, static_cast<int>(i));
  }
  EXPECT_NEAR(shares, 1, 1e-9);
}

TEST(BusyStreams, RunAllRequestsOnAllStreams) {
  const Model model = Model::load(test_data("image/model.onnx"));
  Session session = model.compile({.isa = Isa::avx2, .threads = 1, .pin = false, .streams = 2});
  const TensorMap inputs = model.random_inputs({}, 1);
  BusyStreams busy(session, inputs, steady_clock());
  EXPECT_EQ(busy.requests(), 16);
  busy.run();
  busy.run();
  EXPECT_EQ(busy.latencies(1).size(), 16U);
  const std::vector<double> all = busy.latencies(2);
  EXPECT_EQ(all.size(), 32U);
  for (const double latency : all) EXPECT_GT(latency, 0);
}

TEST(BusyStreams, WhatARequestThrowsIsThrown) {
  Session session = Model::load(test_data("image/model.onnx")).compile({.isa = Isa::avx2, .threads = 1, .streams = 2});
  const TensorMap wrong = {{"no such input", Tensor(DataType::f32, {1})}};
  BusyStreams busy(session, wrong, steady_clock());
  EXPECT_THROW(busy.run(), Error);
}

}  // namespace
}  // namespace tessera
