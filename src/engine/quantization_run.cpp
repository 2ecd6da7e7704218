#include "engine/quantization_run.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/error.hpp"
#include "cpu/topology.hpp"
#include "engine/model_impl.hpp"
#include "kernels/tiers.hpp"
#include "quantize/smooth.hpp"

namespace tessera {
namespace {

/// Alphas that the search tries. Outside of these one side is left with all of the outliers.
constexpr std::array<double, 5> alphas{0.3, 0.4, 0.5, 0.6, 0.75};
/// What smoothing must gain to be worth a second LayerNormalization, in dB.
constexpr double least_gain_db = 0.5;
/// Timings closer than this are taken for equal.
constexpr double timing_noise = 0.05;

Graph fused_apart(Graph graph) {
  std::vector<Pass> passes;
  for (const Pass& pass : fusing_passes())
    if (pass.name != "qkv_merge") passes.push_back(pass);
  run_passes(graph, passes, nullptr);
  return graph;
}

std::string decimal(double value, int digits) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::set<std::string> keys(const std::map<std::string, Precision>& map) {
  std::set<std::string> names;
  for (const auto& [name, value] : map) names.insert(name);
  return names;
}

std::set<std::string> names_of(const std::map<std::string, Precision>& map, Precision precision) {
  std::set<std::string> names;
  for (const auto& [name, value] : map)
    if (value == precision) names.insert(name);
  return names;
}

}  // namespace

QuantizationRun::QuantizationRun(const Model::Impl& model, const ItemSource& items, const QuantizeOptions& options)
    : items_(items),
      validation_(options.validation ? *options.validation : items),
      options_(options),
      how_(options.calibration),
      isa_(best_runnable(cpu_features())),
      threads_(options.threads > 0 ? options.threads : detect_topology().usable_cpus()),
      parts_(find_layers(standard_graph(model))) {
  if (options.fallback && *options.fallback != Precision::fp32 && *options.fallback != Precision::bf16)
    reject("fallback " + std::string(name_of(*options.fallback)), "is no float precision", "use fp32 or bf16");
  if (items.size < 1 || !items.item) reject("calibration", "there are no items", "give at least one");
  reference_ = std::make_unique<GraphRunner>(parts_.fused, isa_, threads_, packed_);
}

std::int64_t QuantizationRun::sensitivity_items(const ItemSource& source) const {
  return (options_.sensitivity_items + source.rows - 1) / source.rows;
}

void QuantizationRun::stage(std::string_view activity, std::int64_t done, std::int64_t total) const {
  if (options_.progress) options_.progress(activity, done, total);
}

Scorer::Progress QuantizationRun::progress(std::string activity, std::int64_t total) const {
  return [this, activity = std::move(activity), total](std::int64_t done) { stage(activity, done, total); };
}

Graph QuantizationRun::quantized(const FloatLayers& float_layers) {
  Graph graph = calibrated_->int8_graph(integers_, keys(float_layers));
  insert_bf16(graph, calibrated_->parts.layers, names_of(float_layers, Precision::bf16), rounded_);
  return graph;
}

std::unique_ptr<GraphRunner> QuantizationRun::candidate(const FloatLayers& float_layers) {
  return std::make_unique<GraphRunner>(fused_apart(quantized(float_layers)), isa_, threads_, packed_);
}

Graph QuantizationRun::run(QuantizationReport& report) {
  scorer_ = std::make_unique<Scorer>(*reference_, validation_, options_.metric);
  report.metric = name_of(scorer_->metric());
  report.calibration_items = items_.size * items_.rows;
  report.validation_items = validation_.size * validation_.rows;
  if (options_.search_smoothquant) choose_smoothing(report);
  report.smoothquant = how_.smoothquant;
  calibrated_ = calibrate(std::move(parts_), how_, {items_, threads_, packed_, options_.progress});
  report.warnings = calibrated_->ranges.warnings();
  if (options_.speed_aware) measure_speed(report);
  if (options_.sensitivity || options_.max_drop) measure_layers();
  hold_gate(report);
  write_rows(report);
  return quantized(float_);
}

void QuantizationRun::choose_smoothing(QuantizationReport& report) {
  ItemSource some = items_;
  some.size = std::min(items_.size, sensitivity_items(items_));
  Scorer scorer(*reference_, some, ScoreMetric::cosine);
  const RangeObserver channels = observe_channels(parts_.fused, parts_.layers, {some, threads_, packed_});
  const auto error_with = [&](std::optional<double> alpha) {
    CalibrationOptions how = options_.calibration;
    how.smoothquant = alpha;
    WeightStore packed;
    QuantizedWeightStore integers;
    const CalibratedModel model = calibrate(parts_, how, {some, threads_, packed}, nullptr, &channels);
    GraphRunner runner(fused_apart(model.int8_graph(integers)), isa_, threads_, packed);
    return scorer.of(runner, 0, {}).accuracy.sqnr_db;
  };
  const auto total = static_cast<std::int64_t>(alphas.size()) + 1;
  stage("searching alpha", 0, total);
  const double without = error_with(std::nullopt);
  report.smoothquant_note = "SQNR without: " + decimal(without, 1) + " dB";
  how_.smoothquant.reset();
  double best_db = without + least_gain_db;
  for (std::size_t i = 0; i < alphas.size(); ++i) {
    stage("searching alpha", static_cast<std::int64_t>(i) + 1, total);
    if (QuantizableModel tried = parts_; smooth(tried, channels, alphas[i]) == 0) {
      report.smoothquant_note = "nothing to smooth: no linear layer reads a LayerNormalization or attention";
      break;
    }
    const double db = error_with(alphas[i]);
    report.smoothquant_note += ", alpha " + decimal(alphas[i], 2) + ": " + decimal(db, 1) + " dB";
    if (db > best_db) {
      best_db = db;
      how_.smoothquant = alphas[i];
    }
  }
}

std::vector<std::string> QuantizationRun::all_layers() const {
  std::vector<std::string> names;
  for (const QuantizableLayer& layer : calibrated_->parts.layers)
    if (layer.follows.empty()) names.push_back(layer.name);
  return names;
}

void QuantizationRun::measure_layers() {
  const std::vector<std::string> all = all_layers();
  FloatLayers floats;
  for (const std::string& name : all) floats[name] = Precision::fp32;
  std::int64_t done = 0;
  for (const std::string& name : all) {
    stage("measuring layers one by one", done++, static_cast<std::int64_t>(all.size()));
    FloatLayers others = floats;
    others.erase(name);
    sqnr_[name] = scorer_->of(*candidate(others), sensitivity_items(validation_), {}).accuracy.sqnr_db;
  }
}

/// Layers whose int8 kernel, with the conversion of its input, loses against f32 go back, if all together it helps.
void QuantizationRun::measure_speed(QuantizationReport& report) {
  stage("timing", 0, 1);
  WeightStore packed;
  const TensorMap item = items_.item(0);
  Graph fp32 = calibrated_->parts.standard;
  run_passes(fp32, fusing_passes(), nullptr);
  const auto times = [&](const FloatLayers& float_layers) {
    Graph int8 = quantized(float_layers);
    run_passes(int8, fusing_passes(), nullptr);
    return time_layers(fp32, int8, calibrated_->parts.layers, item, isa_, threads_, packed);
  };
  times_ = times({});
  FloatLayers slower;
  std::map<std::string, std::string> why;
  for (const std::string& name : all_layers()) {
    const double f = times_->fp32_layer[name], i = times_->int8_layer[name];
    if (f <= 0 || i <= f * (1 + timing_noise)) continue;
    slower[name] = Precision::fp32;
    why[name] = "slower in INT8: " + decimal(i * 1e3, 3) + " ms against " + decimal(f * 1e3, 3) + " ms";
  }
  if (!slower.empty()) {
    stage("timing", 1, 2);
    const LayerTimes without = times(slower);
    if (without.int8.total < times_->int8.total) {
      float_ = std::move(slower);
      why_ = std::move(why);
      times_->int8.total = without.int8.total;
    }
  }
  report.fp32_ms = times_->fp32.total * 1e3;
  report.int8_ms = times_->int8.total * 1e3;
}

std::vector<std::string> QuantizationRun::by_sensitivity() const {
  std::vector<std::string> names;
  for (const auto& [name, sqnr] : sqnr_)
    if (!float_.contains(name)) names.push_back(name);
  std::ranges::stable_sort(names, {}, [&](const std::string& name) { return sqnr_.at(name); });
  return names;
}

std::vector<Precision> QuantizationRun::fallbacks() const {
  const Precision first = options_.fallback.value_or(has_bf16_dot(isa_) ? Precision::bf16 : Precision::fp32);
  if (first == Precision::bf16) return {Precision::bf16, Precision::fp32};
  return {Precision::fp32};
}

/// The fewest of the most sensitive layers that must go back to float for the gate to hold: to bf16 if that will do.
void QuantizationRun::hold_gate(QuantizationReport& report) {
  const std::int64_t items = validation_.size;
  report.fp32_score = scorer_->of_reference(progress("scoring FP32", items)).points;
  const std::vector<std::string> ranked = by_sensitivity();
  const auto with = [&](std::size_t count, Precision precision) {
    FloatLayers layers = float_;
    for (std::size_t i = 0; i < count; ++i) layers[ranked[i]] = precision;
    return layers;
  };
  const auto score = [&](std::size_t count, Precision precision) {
    return scorer_->of(*candidate(with(count, precision)), 0, progress("scoring INT8", items));
  };
  const auto holds = [&](const Score& s) {
    return !options_.max_drop || report.fp32_score - s.points <= *options_.max_drop;
  };

  Score kept = score(0, Precision::fp32);
  for (const Precision precision : fallbacks()) {
    if (holds(kept) || ranked.empty()) break;
    std::size_t too_few = 0, fewest = ranked.size();
    kept = score(fewest, precision);
    while (holds(kept) && fewest - too_few > 1) {
      const std::size_t middle = too_few + (fewest - too_few) / 2;
      if (const Score tried = score(middle, precision); holds(tried)) {
        fewest = middle;
        kept = tried;
      } else {
        too_few = middle;
      }
    }
    if (!holds(kept) && precision != fallbacks().back()) continue;
    for (std::size_t i = 0; i < fewest; ++i) why_[ranked[i]] = "among the most sensitive: the gate would not hold";
    float_ = with(fewest, precision);
  }
  report.gate_holds = holds(kept);
  report.int8_score = kept.points;
  report.agreement = kept.accuracy.top1_agreement;
  report.cosine = kept.accuracy.cosine;
  report.sqnr_db = kept.accuracy.sqnr_db;
}

/// The precision of an attention, which goes with the projections in front of it; returns how much of it is int8.
double QuantizationRun::report_attention(LayerReport& row) const {
  const AttentionProducts products = options_.calibration.attention;
  if (products == AttentionProducts::linears) {
    row.reason = "products of two activations: see --attention";
    return 0;
  }
  for (const QuantizableLayer& layer : calibrated_->parts.layers) {
    if (layer.attention.softmax != row.name) continue;
    if (float_.contains(layer.name)) {
      row.reason = "its projections are not int8";
      return 0;
    }
    row.precision = Precision::int8;
    if (products == AttentionProducts::full) return 1;
    row.reason = "its second product is fp32: see --attention";
    return 0.5;
  }
  row.reason = "not an attention that --attention knows";
  return 0;
}

/// One row per step that multiplies, in the order of the plan.
void QuantizationRun::write_rows(QuantizationReport& report) {
  Graph fp32 = calibrated_->parts.standard;
  run_passes(fp32, fusing_passes(), nullptr);
  WeightStore packed;
  GraphRunner runner(std::move(fp32), isa_, threads_, packed);
  const Executor& executor = runner.prepare(items_.item(0), "calibration");
  const std::vector<std::string> known = all_layers();
  double total = 0, int8 = 0, bf16 = 0;
  for (const StepInfo& info : executor.steps()) total += info.gflop;
  for (const StepInfo& info : executor.steps()) {
    if (info.gflop <= 0) continue;
    LayerReport row{info.node, info.op, Precision::fp32, {}, total > 0 ? info.gflop / total : 0, std::nullopt, 0, 0};
    const bool layer = std::ranges::find(known, info.node) != known.end();
    double int8_share = 1;
    if (info.op == "FusedAttention") {
      int8_share = report_attention(row);
    } else if (!layer) {
      row.reason = "its weights are no f32 constants, or its input is no f32 tensor";
    } else if (const auto kept = float_.find(info.node); kept != float_.end()) {
      row.precision = kept->second;
      row.reason = why_.at(info.node);
    } else {
      row.precision = Precision::int8;
    }
    if (row.precision == Precision::int8) int8 += int8_share * info.gflop;
    if (row.precision == Precision::bf16) bf16 += info.gflop;
    if (const auto found = sqnr_.find(info.node); found != sqnr_.end()) row.sqnr_db = found->second;
    if (times_ && layer) {
      row.fp32_ms = times_->fp32_layer[info.node] * 1e3;
      row.int8_ms = times_->int8_layer[info.node] * 1e3;
    }
    report.layers.push_back(std::move(row));
  }
  if (total <= 0) return;
  report.int8_mac_share = int8 / total;
  report.bf16_mac_share = bf16 / total;
}

}  // namespace tessera
