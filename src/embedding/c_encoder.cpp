// The Encoder in C.
#include "tessera/encoder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "c_api/guard.hpp"
#include "c_api/values.hpp"
#include "core/error.hpp"
#include "tessera/encoder.hpp"

struct tessera_encoder {
  explicit tessera_encoder(tessera::Encoder the_encoder) : encoder(std::move(the_encoder)) {}

  tessera::Encoder encoder;
};

namespace tessera {
namespace {

EncoderOptions encoder_options(const tessera_encoder_options* given) {
  const auto [struct_size, session, texts, text_count] = options_of(given, "tessera_encoder_options");
  return {.session = session_options(session), .calibration_texts = strings(texts, text_count, "calibration_texts")};
}

EncodeOptions encode_options(const tessera_encode_options* given) {
  const auto [struct_size, batch_size, keep_length] = options_of(given, "tessera_encode_options");
  EncodeOptions options = {.normalize = keep_length == 0};
  if (batch_size != 0) options.batch_size = batch_size;
  return options;
}

}  // namespace
}  // namespace tessera

extern "C" {

tessera_status tessera_encoder_load(const char* folder, const tessera_encoder_options* options,
                                    tessera_encoder** encoder) {
  return tessera::guarded([&] {
    tessera::require(folder, "folder");
    tessera::require(encoder, "encoder");
    *encoder = nullptr;
    tessera::Encoder loaded(folder, tessera::encoder_options(options));
    *encoder = std::make_unique<tessera_encoder>(std::move(loaded)).release();
  });
}

void tessera_encoder_free(tessera_encoder* encoder) {
  delete encoder;
}

size_t tessera_encoder_hidden(const tessera_encoder* encoder) {
  return encoder == nullptr ? 0 : static_cast<size_t>(encoder->encoder.hidden());
}
size_t tessera_encoder_max_tokens(const tessera_encoder* encoder) {
  return encoder == nullptr ? 0 : static_cast<size_t>(encoder->encoder.max_tokens());
}

tessera_status tessera_encoder_encode(const tessera_encoder* encoder, const char* const* texts, size_t text_count,
                                      const tessera_encode_options* options, float* embeddings, size_t capacity) {
  return tessera::guarded([&] {
    tessera::require(encoder, "encoder");
    const auto hidden = static_cast<size_t>(encoder->encoder.hidden());
    if (capacity / hidden < text_count)
      tessera::reject("capacity", std::to_string(capacity) + " numbers are too few for " + std::to_string(text_count) +
                                      " texts of " + std::to_string(hidden) + " each");
    if (text_count == 0) return;
    tessera::require(embeddings, "embeddings");
    const tessera::Tensor result =
        encoder->encoder.encode(tessera::strings(texts, text_count, "texts"), tessera::encode_options(options));
    std::ranges::copy(result.as<float>(), embeddings);
  });
}

}  // extern "C"
