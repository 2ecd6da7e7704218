// preprocessor_config.json as Hugging Face's image processors write it.
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "core/error.hpp"
#include "data/image_preprocessing.hpp"
#include "formats/json_file.hpp"

namespace tessera {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t max_side = 16384;

class Config {
 public:
  Config(const Json& json, const std::string& origin) : json_(json), origin_(origin) {
    if (!json.is_object()) reject(origin, "is not a JSON object", "write what the model's image processor saves");
  }

  ImagePreprocessing read() const {
    ImagePreprocessing result;
    result.origin = origin_;
    result.resize = ImagePreprocessing::Resize::none;
    result.crop = false;
    if (flag("do_resize", true)) read_size(result);
    if (flag("do_center_crop", false)) {
      if (!json_.contains("crop_size")) reject_entry("crop_size", "is missing although do_center_crop is true");
      const auto [height, width] = box("crop_size");
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

  bool flag(const char* name, bool missing) const {
    const auto entry = json_.find(name);
    if (entry == json_.end() || entry->is_null()) return missing;
    if (!entry->is_boolean()) reject_entry(name, "is neither true nor false");
    return entry->get<bool>();
  }

  std::string word(const char* name) const {
    const auto entry = json_.find(name);
    return entry != json_.end() && entry->is_string() ? entry->get<std::string>() : std::string();
  }

  std::int64_t side(const Json& value, const char* name) const {
    if (!value.is_number_integer() || value < 1 || value > max_side) reject_entry(name, "is not a size in pixels");
    return value.get<std::int64_t>();
  }

  /// {"height", "width"}, or one number for a square.
  std::pair<std::int64_t, std::int64_t> box(const char* name) const {
    const Json& entry = json_.at(name);
    if (!entry.is_object()) return {side(entry, name), side(entry, name)};
    if (!entry.contains("height") || !entry.contains("width")) reject_entry(name, "has no height and width");
    return {side(entry["height"], name), side(entry["width"], name)};
  }

  void read_size(ImagePreprocessing& result) const {
    if (const auto entry = json_.find("resample"); entry != json_.end() && !entry->is_null()) {
      if (!entry->is_number_integer() || *entry < 1 || *entry > 5)
        reject_entry("resample", "is none of 1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box), 5 (hamming)");
      result.resampling = static_cast<Resampling>(entry->get<int>());
    }
    if (!json_.contains("size")) reject_entry("size", "is missing although do_resize is not false");
    const Json& size = json_.at("size");
    const bool convnext =
        word("image_processor_type").starts_with("ConvNext") || word("feature_extractor_type").starts_with("ConvNext");
    // A bare number means the shorter side to processors that cut afterwards, and a square to the others.
    const bool shorter = size.is_object() ? size.contains("shortest_edge") : convnext || flag("do_center_crop", false);
    if (!shorter) {
      result.resize = Resize::exact;
      std::tie(result.height, result.width) = box("size");
      return;
    }
    const std::int64_t edge = side(size.is_object() ? size["shortest_edge"] : size, "size");
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
    const auto entry = json_.find(name);
    if (entry == json_.end() || entry->is_null()) return missing;
    if (!entry->is_number() || !std::isfinite(entry->get<double>())) reject_entry(name, "is not a number");
    return entry->get<double>();
  }

  /// One number for each channel, or one for all.
  void read_channels(const char* name, std::array<double, 3>& values) const {
    const auto entry = json_.find(name);
    if (entry == json_.end() || entry->is_null()) return;
    const bool list = entry->is_array() && (entry->size() == 1 || entry->size() == 3);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Json& value = list ? (*entry)[entry->size() == 1 ? 0 : i] : *entry;
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

  const Json& json_;
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
