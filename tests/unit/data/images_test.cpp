#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "data/open_dataset.hpp"
#include "unit/data/image_files.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;
namespace fs = std::filesystem;

class DataImages : public ::testing::Test {
 protected:
  void put(const std::string& name, std::uint8_t grey) {
    RgbImage image(8, 8);
    std::fill(image.pixels.begin(), image.pixels.end(), grey);
    put(name, png_file(image));
  }
  void put(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_.file(name);
    fs::create_directories(path.parent_path());
    write_bytes(path.string(), bytes);
  }
  std::unique_ptr<Dataset> open(const std::string& name = "data", std::int64_t classes = 0) {
    DatasetModel model{"resnet50", image_inputs(), {}};
    if (classes > 0) model.outputs = {{"logits", DataType::f32, {"batch", std::to_string(classes)}}};
    return open_dataset(folder_.file(name), model);
  }
  /// The last part of each item's name, and its label.
  static std::string listing(const Dataset& dataset) {
    std::string text;
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const auto label = dataset.label(i);
      text += fs::path(dataset.describe(i)).filename().string() + (label ? "=" + std::to_string(*label) : "") + " ";
    }
    return text;
  }

  const TemporaryFolder folder_;
};

TEST_F(DataImages, OneHeapInTheOrderOfNames) {
  put("data/c.png", 3);
  put("data/a.png", 1);
  put("data/b.whatever", 2);
  put("data/.hidden.png", 9);
  put("data/labels.txt", "not an image, but at home here");
  put("data/thumbs.db", "not an image");
  put("data/photo.jpg", jpeg_file(8, 8, std::vector<std::uint8_t>(192, 100)));
  for (const char* name : {"data", "data/", "data/."}) {
    const auto dataset = open(name);
    EXPECT_EQ(listing(*dataset), "a.png b.whatever c.png photo.jpg ") << name;
    ASSERT_EQ(dataset->notes().size(), 2U);
    EXPECT_NE(dataset->notes()[0].find("as for ImageNet"), std::string::npos);
    EXPECT_NE(dataset->notes()[1].find("thumbs.db"), std::string::npos);
  }
  const TensorMap item = open()->item(1);
  ASSERT_EQ(item.size(), 1U);
  EXPECT_EQ(item.at("input").shape(), (Shape{1, 3, 8, 8}));
  EXPECT_FLOAT_EQ(item.at("input").as<float>()[0], static_cast<float>((2.0 / 255 - 0.485) / 0.229));
  EXPECT_EQ(open("data/a.png")->size(), 1);
}

TEST_F(DataImages, FoldersAreClasses) {
  put("data/cat/1.png", 1);
  put("data/cat/more/2.png", 2);
  put("data/ant/3.png", 3);
  EXPECT_EQ(listing(*open()), "3.png=0 1.png=1 2.png=1 ");
  EXPECT_EQ(listing(*open("data/", 2)), "3.png=0 1.png=1 2.png=1 ");

  // Two folders cannot say which of ten classes they are.
  const auto unsure = open("data", 10);
  EXPECT_EQ(listing(*unsure), "3.png 1.png 2.png ");
  ASSERT_EQ(unsure->notes().size(), 2U);
  EXPECT_NE(unsure->notes()[1].find("labels.json"), std::string::npos);

  put("labels.json", R"(["bee", "cat", "dog", "ant"])");
  EXPECT_EQ(listing(*open("data", 10)), "3.png=3 1.png=1 2.png=1 ");
  put("labels.json", R"({"ant": 7, "cat": 0})");
  EXPECT_EQ(listing(*open()), "3.png=7 1.png=0 2.png=0 ");
  put("labels.json", R"({"0": "ant", "5": "cat"})");
  EXPECT_EQ(listing(*open()), "3.png=0 1.png=5 2.png=5 ");

  put("labels.json", R"(["ant"])");
  expect_error(ErrorKind::invalid, {"cat", "labels.json"}, [this] { open(); });
  for (const char* bad : {"[]", "3", "[1]", R"(["a", "a"])", R"({"a": "b"})", R"({"a": 1, "b": 1})"}) {
    put("labels.json", bad);
    expect_error(ErrorKind::invalid, {"labels.json"}, [this] { open(); });
  }
}

TEST_F(DataImages, FoldersAndLooseImages) {
  put("data/cat/1.png", 1);
  EXPECT_EQ(listing(*open()), "1.png ");  // one folder tells nothing apart
  put("data/2.png", 2);
  expect_error(ErrorKind::invalid, {"data", "beside folders"}, [this] { open(); });
}

TEST_F(DataImages, PreprocessingOfTheDataOrTheModel) {
  put("data/a.png", 51);
  put("preprocessor_config.json", R"({"do_resize": false, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]})");
  EXPECT_FLOAT_EQ(open()->item(0).at("input").as<float>()[0], 0.2F);
  EXPECT_TRUE(open()->notes().empty());
  put("data/preprocessor_config.json", R"({"do_resize": false, "do_rescale": false, "do_normalize": false})");
  EXPECT_EQ(open()->item(0).at("input").as<float>()[0], 51.0F);
  put("model/preprocessor_config.json",
      R"({"do_resize": false, "rescale_factor": 1, "do_normalize": false, "size": 1})");
  put("model/model.onnx", "looked at by nobody");
  const DatasetModel model{folder_.file("model/model.onnx"), image_inputs("side", "1"), {}};
  const TensorMap item = open_dataset(folder_.file("data"), model)->item(0);
  EXPECT_EQ(item.at("input").shape(), (Shape{1, 1, 8, 8}));
  EXPECT_EQ(item.at("input").as<float>()[0], 51.0F);
}

TEST_F(DataImages, BadFilesAreNamed) {
  put("data/a.png", 1);
  put("data/b.png", "");
  put("data/c.jpg", "these are no pixels");
  RgbImage wide(16, 8);
  put("data/d.png", png_file(wide));
  const auto dataset = open();
  EXPECT_EQ(dataset->item(0).size(), 1U);
  expect_error(ErrorKind::invalid, {"data/b.png", "empty"}, [&] { static_cast<void>(dataset->item(1)); });
  expect_error(ErrorKind::invalid, {"data/c.jpg", "neither PNG nor JPEG"},
               [&] { static_cast<void>(dataset->item(2)); });
  fs::remove(folder_.file("data/a.png"));
  expect_error(ErrorKind::invalid, {"data/a.png", "cannot open"}, [&] { static_cast<void>(dataset->item(0)); });

  put("preprocessor_config.json", R"({"do_resize": false})");
  expect_error(ErrorKind::invalid, {"data/d.png", "16 x 8", "8 x 8", "preprocessor_config.json"},
               [this] { static_cast<void>(open()->item(2)); });
}

TEST_F(DataImages, FoldersWithoutImages) {
  fs::create_directories(folder_.file("data/sub"));
  expect_error(ErrorKind::invalid, {"data", "empty"}, [this] { open(); });
  put("data/clip.webp", "RIFF....WEBP");
  expect_error(ErrorKind::invalid, {"data", "clip.webp"}, [this] { open(); });
  expect_error(ErrorKind::invalid, {"missing", "no such file"}, [this] { open("missing"); });
  fs::create_directory_symlink("..", folder_.file("data/sub/loop"));
  expect_error(ErrorKind::invalid, {"loop", "deep"}, [this] { open(); });
}

TEST_F(DataImages, ImagesOfOneShapeMakeABatch) {
  put("data/a.png", 1);
  put("data/b.png", 200);
  const auto dataset = open();
  const TensorMap both = dataset->batch(std::vector<std::int64_t>{0, 1});
  ASSERT_EQ(both.at("input").shape(), (Shape{2, 3, 8, 8}));
  const TensorMap second = dataset->item(1);
  EXPECT_TRUE(std::equal(second.at("input").as<float>().begin(), second.at("input").as<float>().end(),
                         both.at("input").as<float>().begin() + 192));
  put("preprocessor_config.json", R"({"do_resize": false})");
  put("data/c.png", png_file(RgbImage(4, 4)));
  const auto mixed = open_dataset(folder_.file("data"), {"", image_inputs("side"), {}});
  expect_error(ErrorKind::invalid, {"c.png", "[1, 3, 4, 4]"}, [&] {
    static_cast<void>(mixed->batch(std::vector<std::int64_t>{0, 1, 2}));
  });
}

TEST_F(DataImages, ForAModelThatTakesNone) {
  put("data/a.png", 1);
  for (const std::string name : {"data", "data/a.png"})
    expect_error(ErrorKind::invalid, {name, "image", "input_ids"}, [&] {
      open_dataset(folder_.file(name), {"", text_inputs(), {}});
    });
}

}  // namespace
}  // namespace tessera
