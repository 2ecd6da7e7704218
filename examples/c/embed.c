/* Texts to embeddings through the C API: which of the texts is nearest in meaning to the first?
 *
 *     cc embed.c $(pkg-config --cflags --libs tessera-full) -o embed && ./embed all-MiniLM-L6-v2 "a text" "another" "a
 * third"
 */
#include <stdio.h>
#include <stdlib.h>
#include <tessera/encoder.h>

static void check(tessera_status status) {
  if (status == TESSERA_OK) return;
  fprintf(stderr, "embed: %s\n", tessera_error_message());
  exit(status);
}

/* Of embeddings of length 1 it is their product. */
static double cosine(const float* a, const float* b, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (double)a[i] * (double)b[i];
  return sum;
}

int main(int argc, char** argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: embed MODEL TEXT TEXT TEXT...\n");
    return TESSERA_INVALID;
  }
  tessera_encoder* encoder = NULL;
  tessera_session_options session = {.struct_size = sizeof session, .precision = TESSERA_PRECISION_FP32};
  tessera_encoder_options options = {.struct_size = sizeof options, .session = &session};
  check(tessera_encoder_load(argv[1], &options, &encoder));
  const size_t hidden = tessera_encoder_hidden(encoder), count = (size_t)argc - 2;
  float* embeddings = malloc(count * hidden * sizeof *embeddings);
  if (embeddings == NULL) return TESSERA_FAILED;
  check(tessera_encoder_encode(encoder, (const char* const*)argv + 2, count, NULL, embeddings, count * hidden));
  size_t best = 1;
  for (size_t i = 1; i < count; ++i)
    if (cosine(embeddings, embeddings + i * hidden, hidden) > cosine(embeddings, embeddings + best * hidden, hidden))
      best = i;
  printf("%zu numbers each; nearest to \"%s\": \"%s\", cosine %.4f\n", hidden, argv[2], argv[2 + best],
         cosine(embeddings, embeddings + best * hidden, hidden));
  free(embeddings);
  tessera_encoder_free(encoder);
  return TESSERA_OK;
}
