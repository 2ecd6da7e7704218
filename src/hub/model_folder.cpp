#include "hub/model_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "core/error.hpp"
#include "formats/folder.hpp"
#include "formats/onnx_reader.hpp"
#include "hub/families.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr const char* known = "BERT, RoBERTa, XLM-RoBERTa, CamemBERT, DistilBERT, ELECTRA, MPNet and ResNet";

/// The ONNX file of a folder that has no weights of its own.
std::optional<std::string> onnx_in(const fs::path& folder) {
  std::error_code error;
  for (const char* name : {"model.onnx", "onnx/model.onnx"})
    if (fs::is_regular_file(folder / name, error)) return (folder / name).string();
  return std::nullopt;
}

bool holds_safetensors(const std::string& folder) {
  std::error_code error;
  return std::ranges::any_of(entries_of(folder, error), [](const FolderEntry& entry) {
    return has_extension(entry, {".safetensors"}) || entry.name == "model.safetensors.index.json";
  });
}

}  // namespace

Graph read_model_folder(const std::string& folder) {
  const fs::path root(folder);
  std::error_code error;
  if (!holds_safetensors(folder))
    if (const auto onnx = onnx_in(root)) return read_onnx(*onnx);
  const WeightFiles files(folder);
  const bool described = fs::exists(root / "config.json", error);
  if (!described) {
    if (has_resnet_names(files)) return read_resnet(nullptr, files);
    reject(folder, "has no config.json, which says what network the weights are of", "copy it beside the weights");
  }
  const JsonObject config((root / "config.json").string());
  const std::string type = config.text("model_type");
  if (is_bert_family(type)) return read_bert_family(config, files);
  if (type == "resnet" || (type.empty() && has_resnet_names(files))) return read_resnet(&config, files);
  const std::string architecture = type.empty() ? config.text("architecture") : type;
  reject(config.path(),
         architecture.empty() ? "does not say what network this is (model_type)"
                              : "architecture " + architecture + " is not one of those read from folders",
         std::string("folders of ") + known + " are read; export other models as ONNX (optimum-cli export onnx)");
}

}  // namespace tessera
