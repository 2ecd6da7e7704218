// preprocessor_config.json as Hugging Face's image processors write it.
#include <cmath>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "data/image_preprocessing.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

constexpr std::int64_t max_side = 16384;

class Config {
 public:
  Config(const JsonValue& json, const std::string& origin) : json_(json), origin_(origin) {
    if (!json.is_object()) reject(origin, "is not a JSON object", "write what the model's image processor saves");
  }

  ImagePreprocessing read() const {
    ImagePreprocessing result;
    result.origin = origin_;
    result.resize = ImagePreprocessing::Resize::none;
    result.crop = false;
    if (flag("do_resize", true)) read_size(result);
    if (flag("do_center_crop", false)) {
      const JsonValue* const size = json_.find("crop_size");
      if (size == nullptr) reject_entry("crop_size", "is missing although do_center_crop is true");
      const auto [height, width] = box(*size, "crop_size");
      result.crop = true;
      result.crop_height = height;
      result.crop_width = width;
    }
    read_range(result);
    return result;
  }

 private:
  using Resize = ImagePreprocessing::Resize;

  [[noreturn]] void reject_entry(const std::string& name, const std::string& why) const {
    reject(origin_, "entry \"" + name + "\" " + why, "write what the model's image processor saves");
  }

  /// An entry that is there and not null.
  const JsonValue* given(const char* name) const {
    const JsonValue* const entry = json_.find(name);
    return entry == nullptr || entry->is_null() ? nullptr : entry;
  }

  bool flag(const char* name, bool missing) const {
    const JsonValue* const entry = given(name);
    if (entry == nullptr) return missing;
    if (!entry->is_boolean()) reject_entry(name, "is neither true nor false");
    return entry->get<bool>();
  }

  std::string word(const char* name) const {
    const JsonValue* const entry = json_.find(name);
    return entry != nullptr && entry->is_string() ? entry->string() : std::string();
  }

  std::int64_t side(const JsonValue& value, const char* name) const {
    const auto pixels = value.integer();
    if (!pixels || *pixels < 1 || *pixels > max_side) reject_entry(name, "is not a size in pixels");
    return *pixels;
  }

  /// {"height", "width"}, or one number for a square.
  std::pair<std::int64_t, std::int64_t> box(const JsonValue& entry, const char* name) const {
    if (!entry.is_object()) return {side(entry, name), side(entry, name)};
    const JsonValue *const height = entry.find("height"), *const width = entry.find("width");
    if (height == nullptr || width == nullptr) reject_entry(name, "has no height and width");
    return {side(*height, name), side(*width, name)};
  }

  void read_size(ImagePreprocessing& result) const {
    if (const JsonValue* const entry = given("resample")) {
      const auto number = entry->integer();
      if (!number || *number < 1 || *number > 5)
        reject_entry("resample", "is none of 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box), 5 (hamming)");
      result.resampling = static_cast<Resampling>(*number);
    }
    const JsonValue* const size = json_.find("size");
    if (size == nullptr) reject_entry("size", "is missing although do_resize is not false");
    const bool convnext =
        word("image_processor_type").starts_with("ConvNext") || word("feature_extractor_type").starts_with("ConvNext");
    // A bare number means the shorter side to processors that cut afterwards, and a square to the others.
    const JsonValue* const shortest = size->find("shortest_edge");
    const bool shorter = size->is_object() ? shortest != nullptr : convnext || flag("do_center_crop", false);
    if (!shorter) {
      result.resize = Resize::exact;
      std::tie(result.height, result.width) = box(*size, "size");
      return;
    }
    const std::int64_t edge = side(shortest != nullptr ? *shortest : *size, "size");
    if (convnext) return read_convnext(edge, result);
    result.resize = Resize::shorter_side;
    result.height = result.width = edge;
  }

  /// ConvNext's own rule: below 384 the size is what is left after the cut, from there on the image is squeezed.
  void read_convnext(std::int64_t edge, ImagePreprocessing& result) const {
    constexpr std::int64_t squeezed_from = 384;
    result.height = result.width = edge;
    if (edge >= squeezed_from) {
      result.resize = Resize::exact;
      return;
    }
    const double share = number("crop_pct", 224.0 / 256);
    if (!(share > 0 && share <= 1)) reject_entry("crop_pct", "is not between 0 and 1");
    result.resize = Resize::shorter_side;
    result.height = result.width = static_cast<std::int64_t>(static_cast<double>(edge) / share);
    result.crop = true;
    result.crop_height = result.crop_width = edge;
  }

  double number(const char* name, double missing) const {
    const JsonValue* const entry = given(name);
    if (entry == nullptr) return missing;
    if (!entry->is_number() || !std::isfinite(entry->get<double>())) reject_entry(name, "is not a number");
    return entry->get<double>();
  }

  /// One number for each channel, or one for all.
  void read_channels(const char* name, std::array<double, 3>& values) const {
    const JsonValue* const entry = given(name);
    if (entry == nullptr) return;
    const std::size_t count = entry->is_array() ? entry->elements().size() : 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const JsonValue& value = count == 1 || count == 3 ? entry->at(count == 1 ? 0 : i) : *entry;
      if (!value.is_number()) reject_entry(name, "is not one number for each of three channels");
      values[i] = value.get<double>();
    }
  }

  void read_range(ImagePreprocessing& result) const {
    result.factor = flag("do_rescale", true) ? number("rescale_factor", 1.0 / 255) : 1.0;
    if (flag("do_normalize", true)) {
      read_channels("image_mean", result.mean);
      read_channels("image_std", result.deviation);
      for (const double value : result.deviation)
        if (!(value > 0)) reject_entry("image_std", "is not positive");
    } else {
      result.mean = {0, 0, 0};
      result.deviation = {1, 1, 1};
    }
    const std::string order = word("channel_order");
    if (!order.empty() && order != "RGB" && order != "BGR") reject_entry("channel_order", "is neither RGB nor BGR");
    result.bgr = order == "BGR" || flag("do_flip_channel_order", false);
  }

  const JsonValue& json_;
  const std::string& origin_;
};

}  // namespace

ImagePreprocessing parse_image_preprocessing(const std::string& json, const std::string& origin) {
  return Config(parse_json(json, origin), origin).read();
}

ImagePreprocessing read_image_preprocessing(const std::string& path) {
  return Config(read_json(path), path).read();
}

}  // namespace tessera
