// Any bytes as a file of weights, an archive of arrays or the files of a tokenizer: the readers may refuse them with an
// Error and nothing else. The first byte says what the rest is taken for.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "data/npz.hpp"
#include "formats/npy.hpp"
#include "formats/safetensors.hpp"
#include "one_of.hpp"
#include "text/tokenizer.hpp"

namespace {

void weights(std::string_view bytes) {
  for (const auto& [name, tensor] : tessera::parse_safetensors(std::as_bytes(std::span(bytes)), nullptr, "weights"))
    static_cast<void>(tensor.bytes());
}

/// The archive reader wants a file; one in memory will do.
void archive(std::string_view bytes) {
  const int descriptor = ::memfd_create("archive", MFD_CLOEXEC);
  if (descriptor < 0) std::abort();
  struct Closing {
    int descriptor;
    ~Closing() { ::close(descriptor); }
  } const closing{descriptor};
  if (::write(descriptor, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
  static_cast<void>(tessera::read_npz("/proc/self/fd/" + std::to_string(descriptor)));
}

/// tokenizer.json (empty: there is none), vocab.txt, tokenizer_config.json and a text, with zero bytes between them.
void tokenizer(std::string_view bytes) {
  static const std::filesystem::path folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "tessera-fuzz-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    return std::filesystem::path(pattern);
  }();
  const auto next = [&bytes] {
    const std::string_view part = bytes.substr(0, bytes.find('\0'));
    bytes.remove_prefix(std::min(bytes.size(), part.size() + 1));
    return part;
  };
  const std::string_view whole = next();
  if (whole.empty())
    std::filesystem::remove(folder / "tokenizer.json");
  else
    std::ofstream(folder / "tokenizer.json") << whole;
  std::ofstream(folder / "vocab.txt") << next();
  std::ofstream(folder / "tokenizer_config.json") << next();
  static_cast<void>(tessera::Tokenizer::read(folder.string()).encode(bytes, 64));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tessera::fuzzing::read_by_one_of({weights, archive, tokenizer}, data, size);
  return 0;
}
