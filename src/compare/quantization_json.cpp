#include "compare/quantization_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace tessera {
namespace {

nlohmann::ordered_json number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return value;
}

nlohmann::ordered_json layer_json(const LayerReport& layer) {
  nlohmann::ordered_json json = {{"name", layer.name},
                                 {"op", layer.op},
                                 {"precision", name_of(layer.precision)},
                                 {"reason", layer.reason},
                                 {"mac_share", layer.mac_share},
                                 {"sqnr_db", layer.sqnr_db ? number(*layer.sqnr_db) : nullptr}};
  if (layer.fp32_ms > 0) {
    json["fp32_ms"] = layer.fp32_ms;
    json["int8_ms"] = layer.int8_ms;
  }
  return json;
}

}  // namespace

std::string quantization_json(const QuantizationReport& report, const QuantizationSource& source) {
  nlohmann::ordered_json json = {
      {"model", source.model},
      {"output", source.output.empty() || !report.gate_holds ? nlohmann::ordered_json(nullptr)
                                                             : nlohmann::ordered_json(source.output)},
      {"method", source.method},
      {"smoothquant",
       report.smoothquant ? nlohmann::ordered_json(*report.smoothquant) : nlohmann::ordered_json(nullptr)},
      {"smoothquant_search", report.smoothquant_note},
      {"calibration_items", report.calibration_items},
      {"validation_items", report.validation_items},
      {"metric", report.metric},
      {"fp32_score", report.fp32_score},
      {"int8_score", report.int8_score},
      {"drop", report.fp32_score - report.int8_score},
      {"max_drop", source.max_drop ? nlohmann::ordered_json(*source.max_drop) : nlohmann::ordered_json(nullptr)},
      {"gate_holds", report.gate_holds},
      {"top1_agreement", report.agreement},
      {"cosine", report.cosine},
      {"sqnr_db", number(report.sqnr_db)},
      {"int8_mac_share", report.int8_mac_share},
      {"bf16_mac_share", report.bf16_mac_share},
      {"fp32_ms", report.fp32_ms},
      {"int8_ms", report.int8_ms},
      {"warnings", report.warnings},
      {"layers", nlohmann::ordered_json::array()}};
  for (const LayerReport& layer : report.layers) json["layers"].push_back(layer_json(layer));
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace tessera
