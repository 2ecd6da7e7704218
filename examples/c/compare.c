/* The report of `tessera compare` through the C API, on real data: its tables, and all its files in a folder.
 *
 *     cc compare.c $(pkg-config --cflags --libs tessera-full) -o compare && ./compare model.onnx images/ report/
 */
#include <stdio.h>
#include <stdlib.h>
#include <tessera/compare.h>

static void check(tessera_status status) {
  if (status == TESSERA_OK) return;
  fprintf(stderr, "compare: %s\n", tessera_error_message());
  exit(status);
}

static void progress(void* user, const char* activity, double fraction) {
  fprintf(user, "%3.0f %% %s\n", 100 * fraction, activity);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: compare MODEL DATA FOLDER\n");
    return TESSERA_INVALID;
  }
  const char* const models[] = {argv[1]};
  const char* const cases[] = {"fp32", "bf16", "int8"};
  const tessera_extent batches[] = {{"batch", 1}, {"batch", 4}};
  const tessera_compare_options options = {.struct_size = sizeof options,
                                           .cases = cases,
                                           .case_count = 3,
                                           .extents = batches,
                                           .extent_count = 2,
                                           .warmup = 2,
                                           .samples = 20,
                                           .calibration = argv[2],
                                           .data = argv[2],
                                           .accuracy_inputs = 32,
                                           .progress = progress,
                                           .progress_user = stderr};
  tessera_comparison* comparison = NULL;
  check(tessera_compare(models, 1, &options, &comparison));
  fputs(tessera_comparison_text(comparison), stdout);
  check(tessera_comparison_save(comparison, argv[3]));
  tessera_comparison_free(comparison);
  return TESSERA_OK;
}
