/* Runs a model through the C API: in place, with fresh outputs, and without waiting. The three must agree.
 *
 *     cc infer.c $(pkg-config --cflags --libs tessera) -o infer && ./infer model.onnx
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tessera/tessera.h>
#include <unistd.h>

static void check(tessera_status status) {
  if (status == TESSERA_OK) return;
  fprintf(stderr, "infer: %s\n", tessera_error_message());
  exit(status);
}

static int64_t elements(const tessera_tensor* tensor) {
  int64_t count = 1;
  for (size_t i = 0; i < tensor->rank; ++i) count *= tensor->shape[i];
  return count;
}

/* Stands for real data: small numbers, which are pixels to one model and word numbers to another. */
static void fill(const tessera_tensor* tensor) {
  for (int64_t i = 0; i < elements(tensor); ++i) {
    if (tensor->type == TESSERA_TYPE_F32) ((float*)tensor->data)[i] = (float)(i % 7) / 7.0F;
    if (tensor->type == TESSERA_TYPE_I64) ((int64_t*)tensor->data)[i] = 1;
  }
}

static int same(const tessera_tensor* a, const tessera_tensor* b) {
  return elements(a) == elements(b) && memcmp(a->data, b->data, (size_t)elements(a) * tessera_type_size(a->type)) == 0;
}

/* What the callback hands over to the thread that waits: a pipe serves every event loop, too. */
struct answer {
  tessera_status status;
  tessera_outputs* outputs;
};

static void done(void* user, tessera_status status, tessera_outputs* outputs) {
  struct answer answer = {status, outputs};
  if (status != TESSERA_OK) fprintf(stderr, "infer: %s\n", tessera_error_message());
  if (write(*(int*)user, &answer, sizeof answer) != (ssize_t)sizeof answer) abort();
}

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: infer MODEL\n");
    return TESSERA_INVALID;
  }
  tessera_model* model = NULL;
  tessera_session* session = NULL;
  check(tessera_model_load(argv[1], &model));
  tessera_session_options options = {.struct_size = sizeof options, .precision = TESSERA_PRECISION_FP32};
  check(tessera_session_create(model, &options, &session));
  printf("tessera %s, %s, %d threads\n", tessera_version(), tessera_isa_name(tessera_session_isa(session)),
         tessera_session_threads(session));

  /* In place: no copies, no allocation. */
  tessera_tensor inputs[16];
  const size_t count = tessera_session_input_count(session);
  if (count > 16) return TESSERA_INVALID;
  for (size_t i = 0; i < count; ++i) {
    check(tessera_session_input(session, i, &inputs[i]));
    fill(&inputs[i]);
  }
  check(tessera_session_infer(session));
  tessera_tensor output;
  check(tessera_session_output(session, 0, &output));
  const float* scores = output.data;
  int64_t best = 0;
  for (int64_t i = 1; i < output.shape[output.rank - 1]; ++i)
    if (scores[i] > scores[best]) best = i;
  printf("%s: largest is number %lld, %g\n", output.name, (long long)best, (double)scores[best]);

  /* With memory of one's own, of any batch. What infer() left is lost with the next run, so it is kept here. */
  const size_t bytes = (size_t)elements(&output) * tessera_type_size(output.type);
  tessera_tensor kept = output, mine[16];
  if ((kept.data = malloc(bytes)) == NULL) return TESSERA_FAILED;
  memcpy(kept.data, output.data, bytes);
  for (size_t i = 0; i < count; ++i) {
    mine[i] = inputs[i];
    if ((mine[i].data = malloc((size_t)elements(&mine[i]) * tessera_type_size(mine[i].type))) == NULL)
      return TESSERA_FAILED;
    fill(&mine[i]);
  }
  tessera_outputs* fresh = NULL;
  check(tessera_session_run(session, mine, count, &fresh));
  tessera_tensor again;
  check(tessera_outputs_get(fresh, 0, &again));
  int agree = same(&kept, &again);
  tessera_outputs_free(fresh);

  /* Without waiting. */
  int ends[2];
  struct answer answer;
  if (pipe(ends) != 0) return TESSERA_FAILED;
  check(tessera_session_run_async(session, mine, count, done, &ends[1]));
  if (read(ends[0], &answer, sizeof answer) != (ssize_t)sizeof answer || answer.status != TESSERA_OK)
    return TESSERA_FAILED;
  check(tessera_outputs_get(answer.outputs, 0, &again));
  agree = agree && same(&kept, &again);
  tessera_outputs_free(answer.outputs);

  for (size_t i = 0; i < count; ++i) free(mine[i].data);
  free(kept.data);
  tessera_session_free(session);
  tessera_model_free(model);
  printf("in place, run and run_async: %s\n", agree ? "the same" : "DIFFERENT");
  return agree ? TESSERA_OK : TESSERA_FAILED;
}
