#include <gtest/gtest.h>

#include <string>

#include "data/image_preprocessing.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using data_testing::expect_error;
using Resize = ImagePreprocessing::Resize;

ImagePreprocessing parsed(const std::string& json) {
  return parse_image_preprocessing(json, "p.json");
}

TEST(DataPreprocessing, ExactSize) {
  const auto result = parsed(R"({"size": {"height": 224, "width": 192}, "resample": 3, "image_mean": [0.5, 0.4, 0.3],
                                 "image_std": [0.5, 0.6, 0.7], "rescale_factor": 0.5})");
  EXPECT_EQ(result.resize, Resize::exact);
  EXPECT_EQ(result.height, 224);
  EXPECT_EQ(result.width, 192);
  EXPECT_FALSE(result.crop);
  EXPECT_EQ(result.resampling, Resampling::bicubic);
  EXPECT_EQ(result.mean[2], 0.3);
  EXPECT_EQ(result.deviation[1], 0.6);
  EXPECT_EQ(result.factor, 0.5);
  EXPECT_EQ(parsed(R"({"size": 224})").resize, Resize::exact);  // the older form, without a cut
}

TEST(DataPreprocessing, ShorterSideAndCut) {
  for (const char* size : {R"({"shortest_edge": 256})", "256"}) {
    const auto result = parsed(std::string(R"({"do_center_crop": true, "crop_size": 224, "size": )") + size + "}");
    EXPECT_EQ(result.resize, Resize::shorter_side);
    EXPECT_EQ(result.height, 256);
    EXPECT_TRUE(result.crop);
    EXPECT_EQ(result.crop_width, 224);
  }
}

TEST(DataPreprocessing, ConvNextCutsAShareBelow384) {
  const auto small = parsed(R"({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 224},
                                "crop_pct": 0.875})");
  EXPECT_EQ(small.resize, Resize::shorter_side);
  EXPECT_EQ(small.height, 256);
  EXPECT_EQ(small.crop_height, 224);
  const auto large = parsed(R"({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 384})");
  EXPECT_EQ(large.resize, Resize::exact);
  EXPECT_FALSE(large.crop);
}

TEST(DataPreprocessing, StepsThatAreSwitchedOff) {
  const auto result =
      parsed(R"({"do_resize": false, "do_rescale": false, "do_normalize": false, "channel_order": "BGR"})");
  EXPECT_EQ(result.resize, Resize::none);
  EXPECT_FALSE(result.crop);
  RgbImage image(1, 1);
  image.pixels = {1, 2, 3};
  const Tensor tensor = preprocess(image, result, 3, "pixel");
  EXPECT_EQ(tensor.as<float>()[0], 3.0F);
  EXPECT_EQ(tensor.as<float>()[2], 1.0F);
}

TEST(DataPreprocessing, Normalises) {
  ImagePreprocessing preprocessing;
  preprocessing.resize = Resize::none;
  preprocessing.crop = false;
  RgbImage image(1, 1);
  image.pixels = {0, 128, 255};
  const Tensor tensor = preprocess(image, preprocessing, 3, "pixel");
  EXPECT_EQ(tensor.as<float>()[0], static_cast<float>((0.0 / 255 - 0.485) / 0.229));
  EXPECT_FLOAT_EQ(tensor.as<float>()[1], static_cast<float>((128.0 / 255 - 0.456) / 0.224));
  EXPECT_FLOAT_EQ(tensor.as<float>()[2], static_cast<float>((255.0 / 255 - 0.406) / 0.225));
}

TEST(DataPreprocessing, FollowsAModelOfAnotherSize) {
  const auto same = fitted_to(ImagePreprocessing(), 224, 224);
  EXPECT_EQ(same.height, 256);
  const auto smaller = fitted_to(ImagePreprocessing(), 112, 112);
  EXPECT_EQ(smaller.height, 128);
  EXPECT_EQ(smaller.crop_height, 112);
  const auto tall = fitted_to(ImagePreprocessing(), 224, 112);
  EXPECT_EQ(tall.height, 256);  // the shorter side must hold the longer one of the cut
  EXPECT_EQ(tall.crop_width, 112);
  ImagePreprocessing exact;
  exact.crop = false;
  exact.resize = Resize::exact;
  EXPECT_EQ(fitted_to(exact, 32, 48).width, 48);
}

TEST(DataPreprocessing, NonsenseIsNamed) {
  const std::pair<const char*, const char*> cases[] = {{"{", "JSON"},
                                                       {"[]", "JSON object"},
                                                       {"{}", "\"size\""},
                                                       {R"({"size": {"height": 3}})", "\"size\""},
                                                       {R"({"size": 0})", "\"size\""},
                                                       {R"({"size": "big"})", "\"size\""},
                                                       {R"({"size": 1000000000})", "\"size\""},
                                                       {R"({"size": 8, "resample": 9})", "\"resample\""},
                                                       {R"({"size": 8, "do_resize": 1})", "\"do_resize\""},
                                                       {R"({"size": 8, "do_center_crop": true})", "\"crop_size\""},
                                                       {R"({"size": 8, "image_std": [1, 0, 1]})", "\"image_std\""},
                                                       {R"({"size": 8, "image_mean": [1, 2]})", "\"image_mean\""},
                                                       {R"({"size": 8, "rescale_factor": "x"})", "\"rescale_factor\""},
                                                       {R"({"size": 8, "channel_order": "GBR"})", "\"channel_order\""}};
  for (const auto& [json, part] : cases)
    expect_error(ErrorKind::invalid, {"p.json", part}, [&, &text = json] { static_cast<void>(parsed(text)); });
}

}  // namespace
}  // namespace tessera
