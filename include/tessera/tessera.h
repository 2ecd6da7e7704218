/* Tessera's C API: load a model, make a session for a precision and an instruction set, run it.
 *
 *     tessera_model* model = NULL;
 *     tessera_session* session = NULL;
 *     tessera_session_options options = {.struct_size = sizeof options, .precision = TESSERA_PRECISION_INT8};
 *     if (tessera_model_load("resnet50.onnx", &model) != TESSERA_OK ||
 *         tessera_session_create(model, &options, &session) != TESSERA_OK)
 *       fprintf(stderr, "%s\n", tessera_error_message());
 *
 * Functions that can fail return a tessera_status; tessera_error_*() say more about the last failure on this thread.
 * Handles that a function returns belong to the caller, who frees them; freeing NULL does nothing. Strings and arrays
 * that are lent say for how long. No handle or pointer may be NULL unless it says so: that is TESSERA_INVALID, not a
 * crash. Structs of options begin with their size, and zero is the usual value of every member: programs that were
 * compiled against an older header go on working. Nothing prints, aborts, throws through this interface or reads the
 * environment.
 */
#ifndef TESSERA_TESSERA_H
#define TESSERA_TESSERA_H

#include <stddef.h>
#include <stdint.h>

#include "tessera/export.h"
#include "tessera/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a call ended; the values are the exit status of the command line. */
typedef enum tessera_status {
  TESSERA_OK = 0,
  TESSERA_FAILED = 1,      /**< the work failed (disk full, out of memory) */
  TESSERA_INVALID = 2,     /**< the words or the input were wrong (broken file, wrong shape) */
  TESSERA_UNAVAILABLE = 3, /**< what was asked for does not exist on this machine (an instruction set) */
  TESSERA_STATUS_FORCE_32 = 0x7fffffff
} tessera_status;

/** The version of the library that runs, "0.1.0"; TESSERA_VERSION is that of the header. */
TESSERA_API const char* tessera_version(void);

/** Of the last call on this thread that did not return TESSERA_OK; "" before there was one. They hold until the next
 * such call. what: the thing (a file, an input); why: the reason; remedy: what to do about it, may be "". message: all
 * three. */
TESSERA_API const char* tessera_error_what(void);
TESSERA_API const char* tessera_error_why(void);
TESSERA_API const char* tessera_error_remedy(void);
TESSERA_API const char* tessera_error_message(void);

typedef enum tessera_type {
  TESSERA_TYPE_F32 = 0,
  TESSERA_TYPE_BF16 = 1,
  TESSERA_TYPE_U8 = 2,
  TESSERA_TYPE_S8 = 3,
  TESSERA_TYPE_S16 = 4,
  TESSERA_TYPE_S32 = 5,
  TESSERA_TYPE_I64 = 6,
  TESSERA_TYPE_BOOL = 7,
  TESSERA_TYPE_FORCE_32 = 0x7fffffff /**< no type: any 32-bit number may stand where an enum does */
} tessera_type;

/** Bytes of an element; 0 for what is no type. */
TESSERA_API size_t tessera_type_size(tessera_type type);

typedef enum tessera_precision {
  TESSERA_PRECISION_FP32 = 0,
  TESSERA_PRECISION_BF16 = 1,
  TESSERA_PRECISION_INT8 = 2,         /**< of a model that is quantized (tessera_model_quantize()); of another only
                                           where its weights are made up, or with synthetic_calibration */
  TESSERA_PRECISION_INT8_DYNAMIC = 3, /**< linear layers only, their inputs quantized when the model runs */
  TESSERA_PRECISION_FORCE_32 = 0x7fffffff
} tessera_precision;

typedef enum tessera_isa {
  TESSERA_ISA_BEST = 0, /**< the best tier of this CPU */
  TESSERA_ISA_AVX2 = 1,
  TESSERA_ISA_AVX2_VNNI = 2,
  TESSERA_ISA_AVX512_CORE = 3,
  TESSERA_ISA_AVX512_CORE_VNNI = 4,
  TESSERA_ISA_AVX512_CORE_BF16 = 5,
  TESSERA_ISA_AVX512_CORE_AMX = 6,
  TESSERA_ISA_FORCE_32 = 0x7fffffff
} tessera_isa;

/** "avx512_core_vnni"; "" for what is no tier. */
TESSERA_API const char* tessera_isa_name(tessera_isa isa);

#define TESSERA_MAX_RANK 8

/** A dense row-major array that belongs to somebody else. */
typedef struct tessera_tensor {
  const char* name; /**< of the input or output; may be NULL in tensors that are passed in: they go by order */
  tessera_type type;
  size_t rank;
  int64_t shape[TESSERA_MAX_RANK];
  void* data; /**< only read where the tensor is an input; aligned to 64 bytes where Tessera made it */
} tessera_tensor;

/** A model input or output as the file declares it. Strings hold as long as the model. */
typedef struct tessera_port {
  const char* name;
  tessera_type type;
  size_t rank;
  const char* extents[TESSERA_MAX_RANK]; /**< "224", or a symbol such as "batch" */
} tessera_port;

/** A symbolic extent and its number: {"batch", 8}. */
typedef struct tessera_extent {
  const char* symbol;
  int64_t value;
} tessera_extent;

/* ---- Models ---------------------------------------------------------------------------------------------------------
 */

/** May be used by any number of threads at once. */
typedef struct tessera_model tessera_model;

/** An .onnx file, a packed model (.tsr), a Hugging Face folder or a built-in name (resnet50, bert-base, bert-large). */
TESSERA_API tessera_status tessera_model_load(const char* path_or_name, tessera_model** model);
/** Sessions of the model stay usable. */
TESSERA_API void tessera_model_free(tessera_model* model);
/** Writes the model in standard ONNX ops. The file appears complete or not at all. */
TESSERA_API tessera_status tessera_model_save(const tessera_model* model, const char* path);

TESSERA_API size_t tessera_model_input_count(const tessera_model* model);
TESSERA_API size_t tessera_model_output_count(const tessera_model* model);
TESSERA_API tessera_status tessera_model_input(const tessera_model* model, size_t index, tessera_port* port);
TESSERA_API tessera_status tessera_model_output(const tessera_model* model, size_t index, tessera_port* port);

/** One item of calibration data: fills in type, rank, shape and data of `inputs`, one for each input of the model in
 * its order, names set. The data must hold until the next call. Anything but TESSERA_OK ends the quantization with it.
 */
typedef tessera_status (*tessera_item)(void* user, int64_t index, tessera_tensor* inputs);
/** "calibrating", 12 of 200. */
typedef void (*tessera_progress)(void* user, const char* activity, int64_t done, int64_t total);

typedef struct tessera_quantize_options {
  size_t struct_size;        /**< sizeof(tessera_quantize_options) */
  const char* method;        /**< "mse" (NULL), "minmax", "moving_average", "percentile", "entropy" */
  const double* smoothquant; /**< SmoothQuant's alpha, 0 to 1; NULL: no smoothing */
  const double* max_drop;    /**< points that the score may lose against FP32: TESSERA_FAILED where it loses more with
                                  every layer in float that can be; NULL: no limit */
  int speed_aware;      /**< 1: layers that are slower in INT8 on this machine stay in FP32; the result then depends
                             on timing */
  int skip_sensitivity; /**< 1: layers are not measured one by one: faster. Not together with max_drop */
  int threads;          /**< 0: all usable CPUs */
  tessera_progress progress; /**< may be NULL */
  void* progress_user;
} tessera_quantize_options;

/** An INT8 model, calibrated on `item_count` items; `options` may be NULL. */
TESSERA_API tessera_status tessera_model_quantize(const tessera_model* model, tessera_item item, void* user,
                                                  int64_t item_count, const tessera_quantize_options* options,
                                                  tessera_model** quantized);

/* ---- Sessions -------------------------------------------------------------------------------------------------------
 */

/** Runs a model. tessera_session_run() and _run_async() may be called by any number of threads at once; input, output,
 * infer and prepare belong to one thread at a time. */
typedef struct tessera_session tessera_session;

typedef struct tessera_session_options {
  size_t struct_size; /**< sizeof(tessera_session_options) */
  tessera_precision precision;
  tessera_isa isa;               /**< a ceiling; TESSERA_UNAVAILABLE when this CPU lacks it */
  int threads;                   /**< of each stream; 0: all usable CPUs */
  int streams;                   /**< requests that run side by side; 0: one. -1: one for each core */
  int unpinned;                  /**< 1: threads are not pinned to cores */
  int node_by_node;              /**< 1: the file as it is, without the passes that make it fast */
  int fixed_extents;             /**< 1: run() refuses other extents than those prepared */
  const tessera_extent* extents; /**< prepared while the session is made; missing ones: batch 1, sequence 128 */
  size_t extent_count;
  const int* cpus; /**< CPUs to use, by the numbers of the system, in this order; NULL: one of each core */
  size_t cpu_count;
  const int* numa_node;      /**< use the cores of this NUMA node only; NULL: any */
  size_t plan_cache_bytes;   /**< bound of the plans for different extents; 0: 64 MiB */
  size_t queue_limit;        /**< requests of run_async() that may wait; 0: 1024 */
  int tune;                  /**< 1: times the ways to compute each layer and takes the fastest; takes seconds more */
  const char* tune_cache;    /**< a JSON file that keeps these times; may be NULL */
  int synthetic_calibration; /**< 1: INT8 of a float model is calibrated on seeded noise, whose ranges are not those of
                                real inputs: for trials of speed only */
  int skip_padding;          /**< 1: run() does not compute what stands behind the last element of a row of the mask
                                (the input attention_mask, input_mask or mask) that is not 0; outputs hold zeros there.
                                TESSERA_INVALID for models whose results depend on padding */
} tessera_session_options;

/** `options` may be NULL. Packed weights are shared between sessions of a model that use the same kernels. */
TESSERA_API tessera_status tessera_session_create(const tessera_model* model, const tessera_session_options* options,
                                                  tessera_session** session);
/** Compiles the model as `options` say (may be NULL) and writes it with its packed weights: a .tsr file, which
 * tessera_model_load() maps. Only the version that wrote it reads it, on a CPU that has its tier. */
TESSERA_API tessera_status tessera_model_save_packed(const tessera_model* model, const char* path,
                                                     const tessera_session_options* options);
/** Waits for what tessera_session_run_async() has taken. Not to be called by its callbacks. */
TESSERA_API void tessera_session_free(tessera_session* session);

TESSERA_API tessera_isa tessera_session_isa(const tessera_session* session); /**< TESSERA_ISA_BEST if NULL is passed */
TESSERA_API int tessera_session_threads(const tessera_session* session);     /**< of each stream */
TESSERA_API int tessera_session_streams(const tessera_session* session);
TESSERA_API size_t tessera_session_input_count(const tessera_session* session);
TESSERA_API size_t tessera_session_output_count(const tessera_session* session);

/** Where input number `index` is read from by infer(), with the extents that are prepared: write it in place. The
 * memory stays where it is, and what was written stays in it, until tessera_session_prepare(), _run() or _run_async().
 */
TESSERA_API tessera_status tessera_session_input(tessera_session* session, size_t index, tessera_tensor* input);
/** Where infer() leaves output number `index`. Holds until the next infer(), prepare(), run() or run_async(). */
TESSERA_API tessera_status tessera_session_output(tessera_session* session, size_t index, tessera_tensor* output);
/** From the inputs to the outputs, in place. Allocates nothing. */
TESSERA_API tessera_status tessera_session_infer(tessera_session* session);
/** Makes input, output and infer speak of these extents from now on. */
TESSERA_API tessera_status tessera_session_prepare(tessera_session* session, const tessera_extent* extents,
                                                   size_t extent_count);

/** What a run put out. */
typedef struct tessera_outputs tessera_outputs;
TESSERA_API void tessera_outputs_free(tessera_outputs* outputs);
TESSERA_API size_t tessera_outputs_count(const tessera_outputs* outputs);
/** In the order of the model. The memory belongs to `outputs`. */
TESSERA_API tessera_status tessera_outputs_get(const tessera_outputs* outputs, size_t index, tessera_tensor* output);

/** Runs on inputs of any batch and sequence length: one for each input of the model, by name, or in its order where
 * names are NULL. Extents that are new cost the making of a plan. Waits for a free stream. */
TESSERA_API tessera_status tessera_session_run(tessera_session* session, const tessera_tensor* inputs,
                                               size_t input_count, tessera_outputs** outputs);

/** Called on a thread of the session. `outputs` belongs to the callback's side; NULL where `status` is not TESSERA_OK:
 * tessera_error_*() then say why, on this thread, while the callback runs. */
typedef void (*tessera_done)(void* user, tessera_status status, tessera_outputs* outputs);
/** The same without waiting. The inputs are copied before it returns. TESSERA_FAILED when `queue_limit` requests wait
 * already: `done` is then not called. */
TESSERA_API tessera_status tessera_session_run_async(tessera_session* session, const tessera_tensor* inputs,
                                                     size_t input_count, tessera_done done, void* user);

/** Something about the data that makes results doubtful though nothing failed. Strings hold while the callback runs. */
typedef struct tessera_warning {
  const char* code;    /**< "non_finite_input": NaN or infinity went into INT8, which has no code for them */
  const char* subject; /**< the name of the input */
  const char* message; /**< for people */
  int64_t count;       /**< numbers concerned, in all runs so far */
} tessera_warning;
/** Calls `warning` for each. */
TESSERA_API tessera_status tessera_session_warnings(const tessera_session* session,
                                                    void (*warning)(void* user, const tessera_warning* warning),
                                                    void* user);

/** Bytes that a session holds. */
typedef struct tessera_memory {
  size_t packed_weights;         /**< shared with sessions of the model that use the same kernels */
  size_t arena;                  /**< of all streams, for the prepared extents */
  size_t plans;                  /**< plans that are kept */
  size_t plan_limit, plan_count; /**< at most so many bytes of them; how many there are */
} tessera_memory;
TESSERA_API tessera_status tessera_session_memory(const tessera_session* session, tessera_memory* memory);

/** A step of the plan. Strings hold while the callback runs. */
typedef struct tessera_step {
  const char* node;      /**< of the graph */
  const char* op;        /**< "FusedConv" */
  const char* kernel;    /**< name in the table of kernels; "reference" for plain code */
  const char* isa;       /**< tier that the kernel was compiled for; "-" for plain code */
  const char* precision; /**< "u8*s8->u8" */
  const char* why;       /**< why not a better one; "" where this is the best */
  double gflop;          /**< 2 x multiply-adds / 1e9 */
  double seconds;        /**< mean over the profiled runs; 0 without any */
} tessera_step;
/** Calls `step` for each step of the plan for the prepared extents; `profile_runs` > 0 also times them over that many
 * runs. */
TESSERA_API tessera_status tessera_session_explain(tessera_session* session, int profile_runs,
                                                   void (*step)(void* user, const tessera_step* step), void* user);

#ifdef __cplusplus
}
#endif

#endif
