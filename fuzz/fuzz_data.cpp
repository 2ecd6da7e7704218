// Any bytes as an image, a text or one of the small files beside them: the decoders and the tokenizer may refuse them
// with an Error and nothing else. The first byte says what the rest is taken for.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "data/image_decoder.hpp"
#include "data/image_preprocessing.hpp"
#include "formats/json_file.hpp"
#include "formats/npy.hpp"
#include "one_of.hpp"
#include "text/tokenizer_json.hpp"

namespace {

void image(std::string_view bytes) {
  // A header may claim any size below the limit of pixels, which is right and slow: here small ones find more.
  constexpr std::int64_t most = 1 << 20;
  const tessera::RgbImage decoded = tessera::decode_image(std::as_bytes(std::span(bytes)), "image");
  if (decoded.width * decoded.height > most) return;
  tessera::ImagePreprocessing preprocessing;
  preprocessing.height = preprocessing.width = 16;
  preprocessing.crop_height = preprocessing.crop_width = 12;
  static_cast<void>(tessera::preprocess(decoded, preprocessing, 3, "image"));
}

tessera::Tokenizer small_tokenizer() {
  tessera::Vocabulary vocabulary;
  for (const char* piece : {"[UNK]", "a", "##a", "é", "##é", "\xf0\x9f\x98\x80"})
    vocabulary.add(piece, static_cast<std::int64_t>(vocabulary.size()));
  tessera::TokenizerParts parts;
  parts.normalizer = std::make_unique<tessera::BertNormalizer>();
  parts.pre_tokenizer = std::make_unique<tessera::BertPreTokenizer>();
  parts.model = std::make_unique<tessera::WordPiece>(std::move(vocabulary), tessera::WordPiece::Options());
  parts.added = {{.content = "[UNK]", .id = 0}};
  return tessera::Tokenizer(std::move(parts));
}

void text(std::string_view bytes) {
  static const tessera::Tokenizer tokenizer = small_tokenizer();
  static_cast<void>(tokenizer.encode(bytes, 64));
}

void tokenizer(std::string_view bytes) {
  const tessera::Tokenizer read(
      tessera::parse_tokenizer({tessera::parse_json(std::string(bytes), "tokenizer"), "tokenizer"}));
  static_cast<void>(read.encode("Añb 12's <s>\n x", 64));
}

void preprocessing(std::string_view bytes) {
  static_cast<void>(tessera::parse_image_preprocessing(std::string(bytes), "config"));
}

void array(std::string_view bytes) {
  static_cast<void>(tessera::parse_npy(std::as_bytes(std::span(bytes)), "array"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tessera::fuzzing::read_by_one_of({image, text, tokenizer, preprocessing, array}, data, size);
  return 0;
}
