/* Texts to embeddings in C: part of the full library (libtessera_full, tessera::full) and of tessera::data.
 *
 *     tessera_encoder* encoder = NULL;
 *     const char* texts[] = {"a text", "another"};
 *     float* embeddings = NULL;
 *     if (tessera_encoder_load("all-MiniLM-L6-v2", NULL, &encoder) == TESSERA_OK &&
 *         (embeddings = malloc(2 * tessera_encoder_hidden(encoder) * sizeof *embeddings)) != NULL)
 *       tessera_encoder_encode(encoder, texts, 2, NULL, embeddings, 2 * tessera_encoder_hidden(encoder));
 *
 * What tessera/tessera.h says of status, handles and options holds here, too.
 */
#ifndef TESSERA_ENCODER_H
#define TESSERA_ENCODER_H

#include "tessera/tessera.h"

#ifdef __cplusplus
extern "C" {
#endif

/** May be used by any number of threads at once. */
typedef struct tessera_encoder tessera_encoder;

typedef struct tessera_encoder_options {
  size_t struct_size;                     /**< sizeof(tessera_encoder_options) */
  const tessera_session_options* session; /**< precision, instruction set, threads ...; NULL: the usual ones */
  const char* const* calibration_texts;   /**< UTF-8, for int8 of a model that is not quantized: a hundred texts like
                                               those to come; NULL: seeded random tokens, which cost accuracy */
  size_t calibration_text_count;
} tessera_encoder_options;

/** A folder as Hugging Face and sentence-transformers lay it out, or the .onnx file in one: its tokenizer, pooling and
 * normalisation are used. `options` may be NULL. */
TESSERA_API tessera_status tessera_encoder_load(const char* folder, const tessera_encoder_options* options,
                                                tessera_encoder** encoder);
TESSERA_API void tessera_encoder_free(tessera_encoder* encoder);

TESSERA_API size_t tessera_encoder_hidden(const tessera_encoder* encoder); /**< numbers of an embedding */
/** Tokens of a text at most, with those that stand around it: what is longer is cut. */
TESSERA_API size_t tessera_encoder_max_tokens(const tessera_encoder* encoder);

typedef struct tessera_encode_options {
  size_t struct_size; /**< sizeof(tessera_encode_options) */
  int64_t batch_size; /**< texts that are computed together; 0: 32 */
  int keep_length;    /**< 1: embeddings are not brought to length 1, unless the folder asks for it */
} tessera_encode_options;

/** Writes tessera_encoder_hidden() numbers for each of the texts (UTF-8), one after the other, to `embeddings`, which
 * has room for `capacity` numbers: TESSERA_INVALID where that is too few. `options` may be NULL. */
TESSERA_API tessera_status tessera_encoder_encode(const tessera_encoder* encoder, const char* const* texts,
                                                  size_t text_count, const tessera_encode_options* options,
                                                  float* embeddings, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
