#include "data/resample.hpp"

#include <gtest/gtest.h>

#include "data/image_preprocessing.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using data_testing::hash_of;
using data_testing::noise;

// The hashes are of what Pillow 11.1 makes of the same pixels (Image.resize).
TEST(DataResample, SameBitsAsPillow) {
  struct Case {
    Resampling filter;
    std::int64_t width, height;
    std::uint64_t hash;
  };
  const Case cases[] = {
      {Resampling::lanczos, 16, 24, 0x5e4c4f67cbfeaf26U},  {Resampling::lanczos, 64, 80, 0x54b8d30edb75a0b5U},
      {Resampling::lanczos, 37, 20, 0x06abcf40fb3ea820U},  {Resampling::lanczos, 50, 53, 0xeb9938b07fdee642U},
      {Resampling::lanczos, 1, 1, 0x9d6a0b196c9e4403U},    {Resampling::bilinear, 16, 24, 0xf521e539efd3df87U},
      {Resampling::bilinear, 64, 80, 0xd7673026e205f9f7U}, {Resampling::bilinear, 37, 20, 0x15fbfe6091c4bd94U},
      {Resampling::bilinear, 50, 53, 0xe6e0fada9fc4d7c6U}, {Resampling::bilinear, 1, 1, 0x9d6d0b196ca079daU},
      {Resampling::bicubic, 16, 24, 0x835e3341c3cb1652U},  {Resampling::bicubic, 64, 80, 0x2aadd0e0b1f9081fU},
      {Resampling::bicubic, 37, 20, 0xa3e74c4ca21877a1U},  {Resampling::bicubic, 50, 53, 0x2238152894e946c3U},
      {Resampling::bicubic, 1, 1, 0x9d6d0b196ca079daU},    {Resampling::box, 16, 24, 0xfaa338e3a7c8ea10U},
      {Resampling::box, 64, 80, 0x702dca3c86101885U},      {Resampling::box, 37, 20, 0xd4ef15a534344babU},
      {Resampling::box, 50, 53, 0x0e29e6cefff9869fU},      {Resampling::box, 1, 1, 0x9d6a0b196c9e4403U},
      {Resampling::hamming, 16, 24, 0x9d61d5f5d62adf64U},  {Resampling::hamming, 64, 80, 0xd9e0697353fcb648U},
      {Resampling::hamming, 37, 20, 0x5c4aa6e9fb793bedU},  {Resampling::hamming, 50, 53, 0x69d9c4a82e818f8eU},
      {Resampling::hamming, 1, 1, 0x9d6d0b196ca079daU}};
  const RgbImage image = noise(37, 53);
  for (const Case& wanted : cases) {
    const RgbImage result = resize(image, wanted.width, wanted.height, wanted.filter);
    ASSERT_EQ(result.width, wanted.width);
    ASSERT_EQ(result.height, wanted.height);
    EXPECT_EQ(hash_of(result.pixels), wanted.hash)
        << "filter " << static_cast<int>(wanted.filter) << " to " << wanted.width << " x " << wanted.height;
  }
}

// torchvision 0.21: Compose([Resize(32), CenterCrop(28)]), then to_tensor.
TEST(DataResample, ShorterSideAndCutAsTorchvision) {
  ImagePreprocessing preprocessing;
  preprocessing.height = preprocessing.width = 32;
  preprocessing.crop_height = preprocessing.crop_width = 28;
  preprocessing.factor = 1;
  preprocessing.mean = {0, 0, 0};
  preprocessing.deviation = {1, 1, 1};
  const Tensor tensor = preprocess(noise(37, 53), preprocessing, 3, "noise");
  ASSERT_EQ(tensor.shape(), (Shape{1, 3, 28, 28}));
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < 28 * 28; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      pixels.push_back(static_cast<std::uint8_t>(tensor.as<float>()[c * 28 * 28 + i]));
  EXPECT_EQ(hash_of(pixels), 0x5f58ffef1b3c17cbU);
}

// Pillow: convert("L").
TEST(DataResample, GreyAsPillow) {
  ImagePreprocessing preprocessing;
  preprocessing.resize = ImagePreprocessing::Resize::none;
  preprocessing.crop = false;
  preprocessing.factor = 1;
  preprocessing.mean = {0, 0, 0};
  preprocessing.deviation = {1, 1, 1};
  const Tensor tensor = preprocess(noise(37, 53), preprocessing, 1, "noise");
  ASSERT_EQ(tensor.shape(), (Shape{1, 1, 53, 37}));
  const auto values = tensor.as<float>();
  EXPECT_EQ(hash_of(std::vector<std::uint8_t>(values.begin(), values.end())), 0xecd182ca23589084U);
}

TEST(DataResample, ACutLargerThanTheImageIsBlackAround) {
  RgbImage image(2, 1);
  image.pixels.assign(6, 9);
  const RgbImage piece = centre_crop(image, 5, 3);
  std::vector<std::uint8_t> wanted(45, 0);
  for (std::size_t i = 18; i < 24; ++i) wanted[i] = 9;  // row 1, columns 1 and 2
  EXPECT_EQ(piece.pixels, wanted);
}

TEST(DataResample, TooLongAndThin) {
  formats_testing::expect_error(ErrorKind::invalid, {"strip.png", "too long and thin", "1 x 1000000"}, [] {
    static_cast<void>(preprocess(RgbImage(1, 1000000), ImagePreprocessing(), 3, "strip.png"));
  });
}

}  // namespace
}  // namespace tessera
