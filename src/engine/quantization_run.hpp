// One run of Model::quantize: calibration, then the choice of what becomes int8: what is faster, and what the gate
// allows.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/calibration.hpp"
#include "engine/layer_timing.hpp"
#include "engine/model_impl.hpp"
#include "engine/score.hpp"
#include "quantize/insert_bf16.hpp"
#include "quantize/insert_qdq.hpp"
#include "quantize/layers.hpp"

namespace tessera {

class QuantizationRun {
 public:
  QuantizationRun(const Model::Impl& model, const ItemSource& items, const QuantizeOptions& options);

  /// The quantized graph in standard ops; fills the report.
  Graph run(QuantizationReport& report);

 private:
  /// Layers that are not int8, and their precision.
  using FloatLayers = std::map<std::string, Precision>;

  /// Items of the source that hold as many samples as the options say.
  [[nodiscard]] std::int64_t sensitivity_items(const ItemSource& source) const;
  void stage(std::string_view activity, std::int64_t done, std::int64_t total) const;
  [[nodiscard]] Scorer::Progress progress(std::string activity, std::int64_t total) const;

  /// The QDQ graph in standard ops, without the layers that stay in float.
  [[nodiscard]] Graph quantized(const FloatLayers& float_layers);
  /// The same ready to run. Projections of Q, K and V stay apart, so that every candidate has the same constants and
  /// they are packed once.
  [[nodiscard]] std::unique_ptr<GraphRunner> candidate(const FloatLayers& float_layers);

  /// Finds the alpha of SmoothQuant, on the first items and by the error of the outputs.
  void choose_smoothing(QuantizationReport& report);
  void measure_layers();
  void measure_speed(QuantizationReport& report);
  void hold_gate(QuantizationReport& report);
  double report_attention(LayerReport& row) const;
  void write_rows(QuantizationReport& report);

  [[nodiscard]] std::vector<std::string> all_layers() const;
  /// Layers that are int8 so far, the most sensitive first.
  [[nodiscard]] std::vector<std::string> by_sensitivity() const;
  /// The precisions that the gate may send layers back to, in order of preference.
  [[nodiscard]] std::vector<Precision> fallbacks() const;

  const ItemSource& items_;
  const ItemSource& validation_;
  const QuantizeOptions& options_;
  CalibrationOptions how_;  ///< those of the options, with the alpha that was found
  Isa isa_;
  int threads_;
  WeightStore packed_;
  QuantizedWeightStore integers_;
  Bf16WeightStore rounded_;
  QuantizableModel parts_;  ///< until they are calibrated
  std::optional<CalibratedModel> calibrated_;
  std::unique_ptr<GraphRunner> reference_;
  std::unique_ptr<Scorer> scorer_;
  std::optional<LayerTimes> times_;
  std::map<std::string, double> sqnr_;      ///< of the model with this layer alone in int8
  FloatLayers float_;                       ///< layers that stay in float
  std::map<std::string, std::string> why_;  ///< layer -> the reason why it stays in float
};

}  // namespace tessera
