#include "hub/other_formats.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "formats/folder.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 4> pickled{".bin", ".pth", ".pt", ".ckpt"};
constexpr std::array<std::string_view, 4> foreign{".h5", ".msgpack", ".tflite", ".gguf"};

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& extensions, const fs::path& file) {
  const std::string extension = file.extension().string();
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

/// Python that writes the weights of a pickle beside it, as safetensors.
std::string conversion(const fs::path& file) {
  const std::string target = (file.parent_path() / "model.safetensors").string();
  return "convert it: python3 -c \"import torch, safetensors.torch as s; s.save_file({k: v.clone().contiguous() for k, "
         "v "
         "in torch.load('" +
         file.string() + "', map_location='cpu', weights_only=True).items()}, '" + target + "')\"";
}

}  // namespace

bool is_other_weights(const std::string& file) {
  return is_one_of(pickled, file) || is_one_of(foreign, file) || file.ends_with(".safetensors");
}

void reject_other_file(const std::string& file) {
  if (is_one_of(pickled, file)) reject(file, "is a pickle, which can run any code when it is read", conversion(file));
  if (file.ends_with(".safetensors"))
    reject(file, "holds weights without the network they are of", "give the folder it lies in, with its config.json");
  reject(file, "weights in this format are not read", "save the model as safetensors or export it as ONNX");
}

void reject_other_weights(const std::string& folder) {
  std::vector<fs::path> candidates;
  std::error_code error;
  for (const FolderEntry& entry : entries_of(folder, error))
    if (const std::string file = path_in(folder, entry.name); is_other_weights(file)) candidates.emplace_back(file);
  // A pickle can be converted with one line; training_args.bin is one that holds no weights.
  std::erase_if(candidates, [](const fs::path& file) { return file.filename() == "training_args.bin"; });
  for (const fs::path& file : candidates)
    if (is_one_of(pickled, file)) reject_other_file(file.string());
  if (!candidates.empty()) reject_other_file(candidates.front().string());
  reject(folder, "is a folder without model.safetensors", "give a Hugging Face model folder or an .onnx file");
}

}  // namespace tessera
