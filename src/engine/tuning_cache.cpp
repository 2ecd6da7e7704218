#include "engine/tuning_cache.hpp"

#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "core/error.hpp"
#include "formats/atomic_file.hpp"
#include "formats/json_parser.hpp"
#include "formats/json_writer.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {
namespace {

/// Of the file; another number is not read.
constexpr int form = 1;

using Layers = std::map<std::string, WayTimes>;

/// Milliseconds in the file, seconds here.
std::optional<Layers> layers_of(const JsonValue& json) {
  const JsonValue *const written = json.find("form"), *const entries = json.find("layers");
  if (written == nullptr || !written->is_number() || written->get<double>() != form) return std::nullopt;
  if (entries == nullptr || !entries->is_object()) return std::nullopt;
  Layers layers;
  for (const auto& [key, times] : entries->members()) {
    if (!times.is_object()) return std::nullopt;
    for (const auto& [way, ms] : times.members()) {
      if (!ms.is_number()) return std::nullopt;
      const double seconds = ms.get<double>() * 1e-3;
      if (!std::isfinite(seconds) || seconds <= 0) return std::nullopt;
      layers[key][way] = seconds;
    }
  }
  return layers;
}

/// Nothing where the file is no such file; Error where it cannot be read.
std::optional<Layers> read_layers(const std::string& path) {
  if (!std::filesystem::exists(path)) return Layers{};
  const auto file = MappedFile::open(path);
  try {
    return layers_of(parse_json(file->text()));
  } catch (const JsonError&) {
    return std::nullopt;
  }
}

JsonValue json_of(const Layers& layers) {
  JsonValue::Object entries;
  for (const auto& [key, times] : layers) {
    JsonValue::Object ways;
    for (const auto& [way, seconds] : times) ways.push_back({way, seconds * 1e3});
    entries.push_back({key, std::move(ways)});
  }
  return JsonValue::Object{{"form", form}, {"layers", std::move(entries)}};
}

}  // namespace

TuningCache::TuningCache(std::string path) : path_(std::move(path)) {
  if (path_.empty()) return;
  try {
    if (std::optional<Layers> layers = read_layers(path_))
      known_ = std::move(*layers);
    else
      warning_ = "tuning cache " + path_ + " holds no timings of this form: every layer is timed again";
  } catch (const std::exception& error) {
    warning_ = "tuning cache " + path_ + " cannot be read (" + error.what() + "): every layer is timed again";
  }
}

std::vector<double> TuningCache::find(const std::string& key, std::span<const std::string> ways) const {
  const auto entry = known_.find(key);
  if (entry == known_.end() || entry->second.size() != ways.size()) return {};
  std::vector<double> seconds;
  seconds.reserve(ways.size());
  for (const std::string& way : ways) {
    const auto time = entry->second.find(way);
    if (time == entry->second.end()) return {};
    seconds.push_back(time->second);
  }
  return seconds;
}

void TuningCache::put(const std::string& key, std::span<const std::string> ways, std::span<const double> seconds) {
  WayTimes times;
  for (std::size_t i = 0; i < ways.size(); ++i) times[ways[i]] = seconds[i];
  fresh_[key] = std::move(times);
}

void TuningCache::save() {
  if (path_.empty() || fresh_.empty()) return;
  try {
    Layers layers = read_layers(path_).value_or(Layers{});
    for (const auto& [key, times] : fresh_) layers[key] = times;
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
    AtomicFile file(path_);
    file.write(to_json(json_of(layers)) + "\n");
    file.commit();
  } catch (const std::exception& error) {
    warning_ = "tuning cache " + path_ + " cannot be written (" + error.what() + "): the next session times again";
  }
  fresh_.merge(known_);  // what is fresh stays
  known_ = std::exchange(fresh_, {});
}

}  // namespace tessera
