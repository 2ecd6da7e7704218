// Tessera's C++ API: load a model, compile it for a precision and an instruction set, run it.
//
//     auto model   = tessera::Model::load("resnet50.onnx");
//     auto session = model.compile({.precision = tessera::Precision::int8, .isa = tessera::Isa::avx2, .threads = 2});
//     auto outputs = session.run({{"input", image}});
//
// Everything throws tessera::Error (tessera/error.hpp); nothing prints, aborts or reads the environment.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/error.hpp"
#include "tessera/export.h"
#include "tessera/isa.hpp"
#include "tessera/precision.hpp"
#include "tessera/quantization.hpp"
#include "tessera/step_info.hpp"
#include "tessera/tensor.hpp"
#include "tessera/tensor_map.hpp"
#include "tessera/version.h"

namespace tessera {

inline constexpr std::string_view version = TESSERA_VERSION;

/// A model input or output as the file declares it: an extent is "224" or a symbol such as "batch".
struct TensorInfo {
  std::string name;
  DataType type;
  std::vector<std::string> shape;
};

struct SessionOptions {
  Precision precision = Precision::fp32;
  std::optional<Isa> isa =
      {};             ///< ceiling; default: the best tier of this CPU. Error{unavailable} when the CPU lacks it
  int threads = 0;    ///< 0: all usable CPUs (affinity mask, cgroup quota, physical cores)
  int opt_level = 1;  ///< 0: node by node as the file has it; 1: all passes
  bool pin = true;    ///< pin threads to cores inside the affinity mask
  /// Symbolic extents that are prepared while compiling, e.g. {"batch", 8}; missing ones: batch 1, sequence 128. run()
  /// takes any others, too.
  std::map<std::string, std::int64_t> extents = {};
  bool fixed_extents = false;  ///< run() refuses other extents than those prepared
  /// run() and run_async() do not compute what stands behind the last element of a row of the mask (the input
  /// attention_mask, input_mask or mask) that is not 0: rows of about one length run together, at that length, and
  /// outputs hold zeros at the positions that were left out. Everything else is what the padded batch gives: the same
  /// bits in INT8 and BF16; in FP32 up to rounding, since some layers compute 96 rows or more in another way. A row
  /// without a mask counts in full. Compiling tries the model on a short row. Error{invalid} where its results depend
  /// on padding, or its inputs and outputs cannot be cut. set_input(), infer() and output() do as ever.
  bool skip_padding = false;
  /// Streams run requests side by side, each with `threads` threads on cores of its own; packed weights are shared.
  /// 0: one for each core (or each `threads` cores). With several and `threads` 0 the cores are shared out evenly.
  int streams = 1;
  std::vector<int> cpus = {};         ///< pin to these CPUs (OS indices), in this order; empty: one of each core
  std::optional<int> numa_node = {};  ///< use the cores of this NUMA node only
  std::size_t plan_cache_bytes = std::size_t{64} << 20;  ///< bound of what plans for different extents take together
  std::size_t queue_limit = 1024;                        ///< requests of run_async() that may wait
  /// int8 of a model that is not quantized yet: one entry per calibration batch. Empty: an Error, except for models
  /// with made-up weights and with calibration_options.synthetic, which are calibrated on seeded random inputs.
  std::vector<TensorMap> calibration = {};
  CalibrationOptions calibration_options = {};
  /// Times the ways to compute each heavy layer on this machine, with the threads of the session, and takes the fastest
  /// where it is clearly faster than what is usual. Compiling takes seconds more. INT8 results stay the same bits. The
  /// algorithm of a convolution decides how floats are rounded, so FP32 and BF16 results of a tuned session may differ
  /// from those of another machine, tier or number of threads, and of an untuned session, in their last bits; items of
  /// one batch never differ among each other for that reason.
  bool tune = false;
  /// A JSON file that keeps the timings for later sessions of this CPU, tier and number of threads; made, folder and
  /// all, if it is not there. Empty: none is read or written.
  std::string tune_cache = {};
  /// Called as tuning proceeds: "timing layers", 12 of 74.
  std::function<void(std::string_view activity, std::int64_t done, std::int64_t total)> tune_progress = {};
};

/// What a packed model was compiled for.
struct PackedCase {
  Precision precision = Precision::fp32;
  Isa isa = Isa::avx2;
};

/// What tuning did for a session.
struct TuningSummary {
  int timed = 0;        ///< choices that were timed for this session
  int cached = 0;       ///< choices whose times were in the cache
  int changed = 0;      ///< choices, of all these, that fell on another way than the usual one
  std::string warning;  ///< what was wrong with the cache: it was not used; empty: nothing
};

struct MemoryInfo {
  std::size_t packed_weights = 0, arena = 0;  ///< bytes; arena: of the prepared extents, times the streams
  std::size_t plans = 0;                      ///< plans that are kept, `plan_count` of them, at most `plan_limit`
  std::size_t plan_limit = 0, plan_count = 0;
};

/// What compiling a session took.
struct PreparationInfo {
  /// Seconds of calibration that its INT8 needs. One calibration serves all sessions of a model that ask for the same;
  /// the first of them waits for it.
  double calibration_seconds = 0;
  bool calibration_shared = false;  ///< an earlier session had calibrated already
};

/// Something about the data that makes results doubtful though nothing failed.
struct SessionWarning {
  std::string code;        ///< "non_finite_input"
  std::string subject;     ///< the name of the input
  std::string message;     ///< for people
  std::int64_t count = 0;  ///< numbers concerned, in all runs so far
};

/// How a session goes through its batch.
struct BatchSplit {
  std::int64_t part = 0;   ///< items that one thread runs on its own, all steps; 0: all threads share every step
  std::int64_t parts = 0;  ///< of that size
  std::int64_t left = 0;   ///< items that are left over, which all threads run together
  std::string why;         ///< why there are no parts; empty where there is nothing to divide
};

/// Runs a model. run(), run_async() and the questions may be called by any number of threads at once; set_input(),
/// infer(), output() and prepare() belong to one thread at a time. After a fork() the child may go on using a session
/// that no other thread was using at that moment.
class TESSERA_API Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();  ///< waits for what run_async() has taken

  /// Runs on inputs of any batch and sequence length and returns fresh output tensors. Extents that are new cost the
  /// making of a plan. Waits for a free stream. Error{invalid} for a wrong name, shape or type.
  TensorMap run(const TensorMap& inputs);

  using Done = std::function<void(TensorMap outputs, std::exception_ptr error)>;
  /// The same without waiting: the next free stream takes it. Error{failed} when `queue_limit` requests wait already.
  std::future<TensorMap> run_async(TensorMap inputs);
  /// Calls `done` on a thread of the session with the outputs, or with what went wrong. `done` must not throw.
  void run_async(TensorMap inputs, Done done);

  /// The hot path: bind once, then infer() any number of times. Takes no lock that others hold for long and allocates
  /// nothing; calls the system only to wake threads that had gone to sleep. Error{invalid} when the data cannot be
  /// worked on (a token id outside the vocabulary), and when two threads do this at once. run() uses the same memory:
  /// what it leaves is not for infer() or output().
  void set_input(const std::string& name, const Tensor& tensor);
  void infer();
  [[nodiscard]] Tensor output(const std::string& name) const;  ///< a copy
  /// The same without copies: where infer() reads an input and leaves an output, aligned to 64 bytes. An input stays
  /// what was written until it is written again. Both hold until prepare(), run() or run_async().
  [[nodiscard]] TensorView input_view(const std::string& name);
  [[nodiscard]] TensorView output_view(const std::string& name);
  /// Makes set_input(), infer(), output(), inputs(), outputs() and explain() speak of these extents from now on.
  void prepare(const std::map<std::string, std::int64_t>& extents);

  [[nodiscard]] std::vector<TensorInfo> inputs() const;
  [[nodiscard]] std::vector<TensorInfo> outputs() const;
  [[nodiscard]] Isa isa() const noexcept;
  [[nodiscard]] int threads() const noexcept;  ///< of each stream
  [[nodiscard]] int streams() const noexcept;
  [[nodiscard]] MemoryInfo memory() const noexcept;
  [[nodiscard]] double gflop() const noexcept;  ///< of one inference
  [[nodiscard]] const BatchSplit& batch_split() const noexcept;
  [[nodiscard]] const TuningSummary& tuning() const noexcept;
  [[nodiscard]] const PreparationInfo& preparation() const noexcept;
  /// What was wrong with the inputs so far. INT8 has no code for NaN and infinity: where a session multiplies integers
  /// such numbers end in results that look like any others, so those in the inputs are counted. In FP32 and BF16 they
  /// pass through as IEEE 754 says, and there is nothing to warn of.
  [[nodiscard]] std::vector<SessionWarning> warnings() const;
  /// The plan, one entry per step, what is left over of a split batch first; `runs` > 0 also times every step over that
  /// many inferences.
  [[nodiscard]] std::vector<StepInfo> explain(int profile_runs = 0);

  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);

 private:
  friend class Model;  // save_packed() writes what a session was compiled to
  std::unique_ptr<Impl> impl_;
};

/// A network and its weights, which copies of a Model share. All of it may be used by any number of threads at once.
class TESSERA_API Model {
 public:
  /// An .onnx file, a packed model (.tsr), a Hugging Face folder or a built-in name (resnet50, bert-base, bert-large).
  /// Error{invalid} naming what is wrong.
  static Model load(const std::string& path_or_name);

  /// Builds a session. Packed weights are shared between sessions of this model that use the same kernels.
  [[nodiscard]] Session compile(const SessionOptions& options = {}) const;

  /// An INT8 model: calibrated on `items`, within the options' limits. It holds QuantizeLinear and DequantizeLinear
  /// nodes; its sessions run int8 whatever precision they ask for. Error{invalid} when the model is quantized already
  /// or the data does not fit it.
  [[nodiscard]] Model quantize(const ItemSource& items, const QuantizeOptions& options = {},
                               QuantizationReport* report = nullptr) const;
  /// Writes the model in standard ONNX ops. The file appears complete or not at all. Error{invalid} for a packed model.
  void save(const std::string& path) const;
  /// Compiles the model as `options` say and writes it with its packed weights (.tsr). load() maps such a file and
  /// packs nothing; its sessions run that case, at any extents. Only the version that wrote a file reads it, on a CPU
  /// that has its tier. Trust such a file like a program: its checksums find damage, not intent.
  void save_packed(const std::string& path, const SessionOptions& options = {}) const;
  /// Whether the model holds integers already: its sessions run int8 whatever precision they ask for.
  [[nodiscard]] bool quantized() const noexcept;
  /// The case of a packed model; nothing for others.
  [[nodiscard]] std::optional<PackedCase> packed_case() const noexcept;

  [[nodiscard]] const std::string& name() const noexcept;
  /// The files it was read from, weights beside them included; the folder of a model that is one; none for built-in
  /// ones.
  [[nodiscard]] const std::vector<std::string>& files() const noexcept;
  /// True for built-in models: their weights are seeded random numbers, so accuracy can only mean agreement with fp32.
  [[nodiscard]] bool synthetic_weights() const noexcept;
  [[nodiscard]] std::vector<TensorInfo> inputs() const;
  [[nodiscard]] std::vector<TensorInfo> outputs() const;
  /// Seeded random inputs in the range the model expects (images: zero mean, unit variance; ids: below the vocabulary).
  [[nodiscard]] TensorMap random_inputs(const std::map<std::string, std::int64_t>& extents, std::uint64_t seed) const;

  struct Impl;

 private:
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace tessera
