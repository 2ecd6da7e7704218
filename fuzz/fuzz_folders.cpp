// Bytes as the small files of a folder: a model as Hugging Face lays it out, the modules of an encoder, the names of
// classes, what tuning remembers, a packed model. The readers may refuse them with an Error and nothing else. The first
// byte says which; zero bytes divide one file from the next. What only repeats (the header of weights, the offsets and
// checksums of a packed model) is made right here, so that fuzzing finds what lies behind it.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "data/class_labels.hpp"
#include "embedding/sentence_modules.hpp"
#include "engine/tuning_cache.hpp"
#include "formats/packed_model.hpp"
#include "graph/graph.hpp"
#include "hub/model_folder.hpp"
#include "one_of.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"
#include "tessera/version.h"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path& folder() {
  static const fs::path made = [] {
    std::string pattern = (fs::temp_directory_path() / "tessera-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    for (const char* inside : {"1_Pooling", "2_Dense"}) fs::create_directory(fs::path(pattern) / inside);
    return fs::path(pattern);
  }();
  return made;
}

/// The bytes up to the next zero byte.
std::string_view next(std::string_view& bytes) {
  const std::string_view part = bytes.substr(0, bytes.find('\0'));
  bytes.remove_prefix(std::min(bytes.size(), part.size() + 1));
  return part;
}

/// An empty file is none.
void put(const char* name, std::string_view content) {
  const fs::path path = folder() / name;
  if (content.empty())
    fs::remove(path);
  else
    std::ofstream(path, std::ios::binary) << content;
}

/// Zeros for each line "name extent extent ...", as safetensors.
std::string weights_of(std::string_view lines) {
  constexpr std::int64_t most_elements = 1 << 16;
  json header = json::object();
  std::size_t end = 0;
  std::istringstream list{std::string(lines)};
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::vector<std::int64_t> shape;
    std::int64_t elements = 1;
    for (std::int64_t extent = 0; words >> extent && shape.size() < 8;) {
      if (extent < 0 || extent > most_elements / std::max<std::int64_t>(1, elements)) return {};
      shape.push_back(extent);
      elements *= extent;
    }
    const std::size_t bytes = static_cast<std::size_t>(elements) * sizeof(float);
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  }
  const std::string text = header.dump(-1, ' ', true, json::error_handler_t::replace);
  const std::uint64_t length = text.size();
  std::string file(sizeof length, '\0');
  std::memcpy(file.data(), &length, sizeof length);
  return file + text + std::string(end, '\0');
}

/// config.json, an index (empty: none) and the list of tensors.
void model(std::string_view bytes) {
  put("config.json", next(bytes));
  const std::string_view index = next(bytes);
  put("model.safetensors.index.json", index);
  const std::string weights = weights_of(bytes);
  put("model.safetensors", index.empty() ? weights : std::string_view());
  put("part.safetensors", index.empty() ? std::string_view() : weights);
  tessera::Graph graph = tessera::read_model_folder(folder().string());
  graph.validate();
  tessera::infer_shapes(graph);
  tessera::run_passes(graph, tessera::default_passes(), nullptr);
}

/// modules.json, sentence_bert_config.json, config_sentence_transformers.json, the files of the pooling and of a linear
/// layer.
void modules(std::string_view bytes) {
  for (const char* name : {"modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
                           "1_Pooling/config.json", "2_Dense/config.json"})
    put(name, next(bytes));
  put("2_Dense/model.safetensors", weights_of(bytes));
  static_cast<void>(tessera::read_sentence_modules(folder().string()));
}

void labels(std::string_view bytes) {
  put("labels.json", next(bytes));
  put("config.json", bytes);
  if (fs::exists(folder() / "labels.json")) {
    try {
      static_cast<void>(tessera::read_class_indices((folder() / "labels.json").string()));
    } catch (const tessera::Error&) {
      // The other file is read all the same.
    }
  }
  static_cast<void>(tessera::class_indices_of_config((folder() / "config.json").string()));
}

void tuning(std::string_view bytes) {
  put("tuning.json", bytes);
  const tessera::TuningCache cache((folder() / "tuning.json").string());
  const std::array<std::string, 2> ways = {"direct", "winograd"};
  static_cast<void>(cache.find("layer", ways));
}

/// The record of a packed model in JSON, with checksums that hold, behind 4 KB of elements.
void packed(std::string_view bytes) {
  constexpr std::size_t header_bytes = 40, elements = 4096;
  json record = json::parse(bytes, nullptr, false);
  if (record.is_discarded()) return;
  std::string file(header_bytes + elements, '\1');
  if (record.is_object()) {
    record["tessera"] = TESSERA_VERSION;
    if (record.contains("blobs") && record["blobs"].is_array())
      for (json& blob : record["blobs"]) {
        if (!blob.is_array() || blob.size() < 3 || !blob[0].is_number_unsigned() || !blob[1].is_number_unsigned())
          continue;
        const auto from = blob[0].get<std::size_t>(), length = blob[1].get<std::size_t>();
        if (from <= file.size() && length <= file.size() - from) blob[2] = XXH3_64bits(file.data() + from, length);
      }
  }
  const std::vector<std::uint8_t> cbor = json::to_cbor(record);
  const std::array<std::uint64_t, 3> places = {file.size(), cbor.size(), XXH3_64bits(cbor.data(), cbor.size())};
  const std::array<std::uint32_t, 2> version = {1, 0};
  std::memcpy(file.data(), "TESSERA", 8);
  std::memcpy(file.data() + 8, version.data(), sizeof version);
  std::memcpy(file.data() + 16, places.data(), sizeof places);
  file.append(reinterpret_cast<const char*>(cbor.data()), cbor.size());
  put("model.tsr", file);
  static_cast<void>(tessera::read_packed_model((folder() / "model.tsr").string(), TESSERA_VERSION, 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tessera::fuzzing::read_by_one_of({model, modules, labels, tuning, packed}, data, size);
  return 0;
}
