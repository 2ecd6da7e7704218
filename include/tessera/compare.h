/* The comparison of `tessera compare` in C: part of the full library (libtessera_full, tessera::full) and of
 * tessera::compare.
 *
 *     tessera_comparison* comparison = NULL;
 *     const char* models[] = {"resnet50.onnx"};
 *     if (tessera_compare(models, 1, NULL, &comparison) == TESSERA_OK)
 *       tessera_comparison_save(comparison, "report");
 *
 * What tessera/tessera.h says of status, handles and options holds here, too.
 */
#ifndef TESSERA_COMPARE_H
#define TESSERA_COMPARE_H

#include "tessera/tessera.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "resnet50: preparing int8@avx2", and the share of the measurement that is done, 0 to 1. */
typedef void (*tessera_compare_progress)(void* user, const char* activity, double fraction);

typedef struct tessera_compare_options {
  size_t struct_size;       /**< sizeof(tessera_compare_options) */
  const char* const* cases; /**< `PRECISION[@ISA]`; NULL: `fp32`, `bf16@avx512_core_amx`, `int8@avx512_core_vnni` and
                               `int8@avx512_core_amx`. One that this machine lacks keeps its row, which says why, and
                               its precision is also run on the best tier there is */
  size_t case_count;
  const tessera_extent* extents; /**< missing ones: batch 1, sequence 128. A symbol that stands there several times
                                    makes a sweep over its numbers: each model runs at all combinations */
  size_t extent_count;
  int threads;             /**< of each stream; 0: all usable CPUs */
  int streams;             /**< as in tessera_session_options; with several, throughput is that of all */
  int warmup;              /**< inferences before measuring; 0: 20, -1: none */
  int samples;             /**< inferences of each case, at each point; 0: 1000 */
  double max_seconds;      /**< for each model; 0: no limit */
  int profile_runs;        /**< inferences over which every layer is timed, for the rooflines; 0: none */
  const char* calibration; /**< path of data for int8: images, texts or arrays; NULL: only models with made-up weights
                                and quantized ones run in int8 */
  const char* data;        /**< path of data for the accuracy; NULL: seeded inputs */
  int accuracy_inputs;     /**< inputs for the accuracy; 0: all of `data`, or 8 */
  uint64_t seed;           /**< of random inputs, and of the order of the cases; 0: 1 */
  int strict;              /**< 1: TESSERA_UNAVAILABLE for a case that this machine lacks */
  tessera_compare_progress progress; /**< may be NULL */
  void* progress_user;
} tessera_compare_options;

/** What was measured. */
typedef struct tessera_comparison tessera_comparison;

/** Runs all cases of each model (a built-in name, an .onnx file, a Hugging Face folder) in turns. What happens to one
 * case is in its row. `options` may be NULL. */
TESSERA_API tessera_status tessera_compare(const char* const* models, size_t model_count,
                                           const tessera_compare_options* options, tessera_comparison** comparison);
TESSERA_API void tessera_comparison_free(tessera_comparison* comparison);

/** The report, which holds as long as `comparison`; NULL for NULL. The members of the JSON are those of report.json. */
TESSERA_API const char* tessera_comparison_json(const tessera_comparison* comparison);
/** The same as tables of text for a terminal of 100 columns. */
TESSERA_API const char* tessera_comparison_text(const tessera_comparison* comparison);
/** Writes report.json, report.csv, report.html and the charts of each model. They appear together or not at all. */
TESSERA_API tessera_status tessera_comparison_save(const tessera_comparison* comparison, const char* folder);

#ifdef __cplusplus
}
#endif

#endif
