// tessera/data.hpp and tessera/compare.hpp as a program of others uses them.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tessera/compare.hpp"
#include "tessera/data.hpp"
#include "unit/data/support.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using data_testing::TemporaryFolder;
using formats_testing::expect_error;

const std::string image_model = test_data("image/model.onnx"), images = test_data("image/calib");
const std::string text_model = test_data("text/model.onnx"), labelled_texts = test_data("text/calib.tsv");

TEST(ReadItems, ImagesWithTheirLabelsFitTheModel) {
  const Model model = Model::load(image_model);
  ItemSource items = read_items(images, model, image_model);  // the data belongs to the source from here on
  ASSERT_GT(items.size, 20);
  const TensorMap first = items.item(0);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first.begin()->first, model.inputs()[0].name);
  EXPECT_EQ(first.begin()->second.shape()[0], 1);
  ASSERT_TRUE(items.label(0));
  ASSERT_TRUE(items.label(items.size - 1));
  EXPECT_NE(items.label(0), items.label(items.size - 1));
  const ItemSource copy = items;
  items = {};
  EXPECT_EQ(copy.item(0).begin()->second.shape(), first.begin()->second.shape());
}

TEST(ReadItems, FewerSamplesInLargerItems) {
  const Model model = Model::load(image_model);
  DataOptions options;
  options.most = 12;
  options.extents = {{"batch", 4}};
  const ItemSource items = read_items(images, model, image_model, options);
  EXPECT_EQ(items.size, 3);
  EXPECT_EQ(items.rows, 4);
  EXPECT_EQ(items.item(2).begin()->second.shape()[0], 4);
}

TEST(ReadItems, TextsAreCutAndPaddedWhereTheLengthIsFixed) {
  const Model model = Model::load(text_model);
  DataOptions options;
  options.extents = {{"seq", 16}};
  for (const std::int64_t i : {0, 7})
    for (const auto& [name, tensor] : read_items(labelled_texts, model, text_model, options).item(i))
      EXPECT_EQ(to_string(tensor.shape()), "[1, 16]") << name;
}

TEST(ReadItems, WhatIsNotThere) {
  expect_error(ErrorKind::invalid, {"nowhere", "no such file"},
               [] { (void)read_items("nowhere", Model::load(image_model), image_model); });
}

CompareOptions quick() {
  CompareOptions options;
  options.cases = {"fp32@avx2", "int8@avx2"};
  options.samples = 4;
  options.warmup = 1;
  options.threads = 1;
  options.calibration = options.data = images;
  return options;
}

TEST(CompareModels, EveryFormOfTheReport) {
  CompareOptions options = quick();
  std::vector<std::string> activities;
  options.progress = [&](std::string_view activity, double fraction) {
    activities.emplace_back(activity);
    EXPECT_GE(fraction, 0);
    EXPECT_LE(fraction, 1);
  };
  const Comparison comparison = compare({image_model}, options);
  const auto report = nlohmann::json::parse(comparison.json());
  ASSERT_EQ(report["models"].size(), 1U);
  ASSERT_EQ(report["models"][0]["cases"].size(), 2U);
  for (const auto& row : report["models"][0]["cases"]) {
    EXPECT_EQ(row["status"], "ok") << row.dump();
    EXPECT_EQ(row["samples"], 4);
    EXPECT_GT(row["accuracy"]["cosine"].get<double>(), 0.9);
  }
  for (const std::string& form : {comparison.csv(), comparison.html(), comparison.text(80)})
    EXPECT_NE(form.find("int8@avx2"), std::string::npos) << form;
  EXPECT_FALSE(activities.empty());

  const TemporaryFolder folder;
  comparison.save(folder.file("report"));
  for (const char* name : {"report.json", "report.csv", "report.html", "model-time.svg", "model-speedup.svg"})
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(folder.file("report")) / name)) << name;
}

TEST(CompareModels, ASweepLoadsAndCalibratesOnce) {
  CompareOptions options = quick();
  options.data.clear();
  options.sweep = {{"batch", {1, 3}}};
  options.accuracy_inputs = 2;
  int preparations = 0;
  options.progress = [&](std::string_view activity, double) {
    if (activity.find("preparing") != std::string_view::npos) ++preparations;
  };
  const auto report = nlohmann::json::parse(compare({image_model}, options).json());
  EXPECT_EQ(preparations, 4);  // a plan for each point; the session and its calibration are those of the first
  ASSERT_EQ(report["models"].size(), 1U);
  const auto& points = report["models"][0]["points"];
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0]["batch"], 1);
  EXPECT_EQ(points[1]["batch"], 3);
  for (const auto& point : points)
    for (const auto& row : point["cases"]) {
      EXPECT_EQ(row["status"], "ok") << row.dump();
      EXPECT_EQ(row["samples"], 4);
      EXPECT_GT(row["accuracy"]["cosine"].get<double>(), 0.9);
    }
  // What calibration took is charged to both, though it ran once.
  EXPECT_EQ(points[0]["cases"][1]["calibration_ms"], points[1]["cases"][1]["calibration_ms"]);
}

TEST(CompareModels, PointsWithTheSameInputsAreOne) {
  CompareOptions options = quick();
  options.data.clear();
  options.cases = {"fp32@avx2"};
  options.sweep = {{"seq", {16, 32}}};  // an image has no sequence
  const auto model = nlohmann::json::parse(compare({image_model}, options).json())["models"][0];
  EXPECT_FALSE(model.contains("points"));
  EXPECT_EQ(model["cases"].size(), 1U);
}

TEST(CompareModels, StreamsAreMeasuredWhileAllAreBusy) {
  CompareOptions options = quick();
  options.data.clear();
  options.streams = 2;
  options.samples = 20;
  options.profile_runs = 2;
  const auto model = nlohmann::json::parse(compare({image_model}, options).json())["models"][0];
  for (const auto& row : model["cases"]) {
    EXPECT_EQ(row["status"], "ok") << row.dump();
    EXPECT_EQ(row["streams"], 2);
    EXPECT_EQ(row["threads"], 1);
    EXPECT_EQ(row["samples"], 32);  // two bursts of eight requests for each stream
    EXPECT_GT(row["throughput_per_s"].get<double>(), 0);
    EXPECT_GT(row["profile"]["steps"].size(), 3U);
  }
}

TEST(CompareModels, CasesAndModelsThatDoNotExist) {
  CompareOptions options = quick();
  options.cases = {"fp64"};
  expect_error(ErrorKind::invalid, {"fp64"}, [&] { (void)compare({image_model}, options); });
  expect_error(ErrorKind::invalid, {"nothing.onnx"}, [] { (void)compare({"nothing.onnx"}, quick()); });
}

}  // namespace
}  // namespace tessera
