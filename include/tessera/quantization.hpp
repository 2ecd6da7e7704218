// Post-training quantization: what can be asked for, and what is reported. See docs/quantization.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/export.h"
#include "tessera/precision.hpp"
#include "tessera/tensor_map.hpp"

namespace tessera {

/// How the range of an activation follows from what was seen of it.
enum class CalibrationMethod : std::uint8_t {
  minmax,          ///< everything that was seen
  moving_average,  ///< smallest and largest element of an item, averaged over items
  percentile,      ///< what remains when the rarest elements at both ends are cut off
  entropy,         ///< the distribution after quantization differs least (Kullback-Leibler)
  mse              ///< the mean squared error of quantization is smallest
};
TESSERA_API std::string_view name_of(CalibrationMethod method) noexcept;
TESSERA_API std::optional<CalibrationMethod> calibration_method_from_name(std::string_view name) noexcept;

/// How much of attention multiplies integers besides the linear layers around it. Softmax is in float throughout.
enum class AttentionProducts : std::uint8_t {
  linears,  ///< neither product
  qk,       ///< Q x K^T
  full      ///< and P x V
};
TESSERA_API std::string_view name_of(AttentionProducts products) noexcept;
TESSERA_API std::optional<AttentionProducts> attention_products_from_name(std::string_view name) noexcept;

/// What turns a float model into an INT8 one. The defaults are good for convolutional networks and for BERT.
struct CalibrationOptions {
  CalibrationMethod method = CalibrationMethod::mse;
  /// The same for what a GELU puts out, which has a long tail on one side. Nothing: `method`.
  std::optional<CalibrationMethod> gelu_method = {};
  /// For CalibrationMethod::percentile: percent of the elements that stay inside the range.
  double percentile = 99.99;
  /// SmoothQuant's alpha, 0..1: how much of the activations' outliers moves into the weights. Nothing: no smoothing.
  std::optional<double> smoothquant = {};
  /// Takes the mean error that rounding the weights causes out of the biases.
  bool bias_correction = true;
  /// Both products go back to float with the projections of Q, K and V.
  AttentionProducts attention = AttentionProducts::linears;
  /// Linear layers add u8 where what they add comes from a LayerNormalization: the residual stream of a transformer.
  bool int8_residual = false;
  /// The sum of a convolution that adds a residual is rounded to u8 first, as ONNX Runtime's quantizer has it: ONNX
  /// Runtime then runs these layers in INT8 too, where it would fall back to FP32, and to the same bytes.
  bool round_sums = false;
};

/// Items of data, read one at a time.
struct ItemSource {
  std::int64_t size = 0;
  /// The inputs of the model for one item, batch 1; of a model that fixes its batch, for as many samples as that.
  std::function<TensorMap(std::int64_t)> item;
  /// The class of a sample: that of row r of item i is asked for as i * rows + r. May be empty, or give nothing.
  std::function<std::optional<std::int64_t>(std::int64_t)> label;
  std::int64_t rows = 1;  ///< samples in an item
};

/// How good a model is on items, in points: 100 is best.
enum class ScoreMetric : std::uint8_t {
  automatic,  ///< top1 when all items have labels and the output is one row of classes; agreement for unlabelled
              ///< classes; cosine for any other output
  top1,       ///< percent of the items whose largest output is their label
  agreement,  ///< percent of the items whose largest output is that of FP32
  cosine      ///< 100 x the mean cosine between outputs and those of FP32
};
TESSERA_API std::string_view name_of(ScoreMetric metric) noexcept;
TESSERA_API std::optional<ScoreMetric> score_metric_from_name(std::string_view name) noexcept;

struct QuantizeOptions {
  CalibrationOptions calibration;
  /// Finds SmoothQuant's alpha (or none) by the error of the outputs; calibration.smoothquant is then not used.
  bool search_smoothquant = false;
  /// Points that the score may lose against FP32; layers go back to float, the most sensitive first, until it holds.
  std::optional<double> max_drop = {};
  /// What they go back to. bf16: FP32 where BF16 does not hold the gate. Nothing: bf16 where this CPU multiplies it
  /// faster than f32, else fp32.
  std::optional<Precision> fallback = {};
  ScoreMetric metric = ScoreMetric::automatic;
  /// Items for the score; without any, those of calibration.
  std::optional<ItemSource> validation = {};
  /// Leaves layers in FP32 that are measured to be slower in INT8 on this machine. Such a file depends on timing.
  bool speed_aware = true;
  /// Whether to quantize each layer alone and measure what it costs. Without it the table has no SQNR; max_drop needs
  /// it.
  bool sensitivity = true;
  std::int64_t sensitivity_items = 16;  ///< items for the error of one layer alone, and of one alpha
  int threads = 0;                      ///< 0: all usable CPUs
  /// Called as work proceeds: "calibrating", 12 of 200.
  std::function<void(std::string_view activity, std::int64_t done, std::int64_t total)> progress;
};

/// A layer that multiplies: one row of the report.
struct LayerReport {
  std::string name, op;
  Precision precision = Precision::fp32;
  std::string reason;               ///< why not int8, or not all of it; empty where it is
  double mac_share = 0;             ///< of the multiply-adds of the model
  std::optional<double> sqnr_db;    ///< of the model's first output when only this layer is int8; infinite: equal
  double fp32_ms = 0, int8_ms = 0;  ///< measured, with the conversion of its input; 0: not measured
};

struct QuantizationReport {
  std::string metric;  ///< name of the metric that was used
  std::int64_t calibration_items = 0, validation_items = 0;
  double fp32_score = 0, int8_score = 0;          ///< points
  double agreement = 0, cosine = 0, sqnr_db = 0;  ///< of the result against FP32, over the validation items
  std::optional<double> smoothquant;              ///< the alpha that was used
  std::string smoothquant_note;                   ///< what was tried, with the SQNR each gave
  double int8_mac_share = 0, bf16_mac_share = 0;
  double fp32_ms = 0, int8_ms = 0;  ///< one inference on the first item
  bool gate_holds = true;           ///< false: the drop exceeds max_drop even with every layer in FP32
  std::vector<LayerReport> layers;
  std::vector<std::string> warnings;
};

}  // namespace tessera
