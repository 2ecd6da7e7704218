#include "quantize_report.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "compare/format.hpp"

namespace tessera::tool {
namespace {

void print_table(const QuantizationReport& report) {
  std::size_t name = 5;
  for (const LayerReport& layer : report.layers)
    name = std::max(name, std::min<std::size_t>(48, display_width(printable(layer.name))));
  const int width = static_cast<int>(name);
  std::printf("%-*s  %-9s  %10s  %8s  %10s  why not int8\n", width, "layer", "precision", "SQNR alone", "MACs",
              "time saved");
  for (const LayerReport& layer : report.layers) {
    const bool timed = layer.fp32_ms > 0;
    std::printf("%-*s  %-9s  %10s  %8s  %10s  %s\n", width, shorten(printable(layer.name), name).c_str(),
                std::string(name_of(layer.precision)).c_str(), layer.sqnr_db ? sqnr_text(*layer.sqnr_db).c_str() : "",
                percent(layer.mac_share).c_str(),
                timed ? (fixed(layer.fp32_ms - layer.int8_ms, 3) + " ms").c_str() : "",
                printable(layer.reason).c_str());
  }
}

/// "92.1 % of the multiply-adds run in INT8; 3.0 % in BF16, among the most sensitive; 4.9 % in FP32, products of ..."
void print_coverage(const QuantizationReport& report) {
  std::printf("%s of the multiply-adds run in INT8", percent(report.int8_mac_share).c_str());
  std::map<std::string, double> holes;
  for (const LayerReport& layer : report.layers)
    if (layer.precision != Precision::int8)
      holes[std::string(layer.precision == Precision::bf16 ? "in BF16, " : "in FP32, ") +
            layer.reason.substr(0, layer.reason.find(':'))] += layer.mac_share;
  for (const auto& [reason, share] : holes) std::printf("; %s %s", percent(share).c_str(), printable(reason).c_str());
  std::printf("\n");
}

}  // namespace

void print_quantization(const QuantizationReport& report, const QuantizationSource& source) {
  std::printf("%s: calibrated on %lld items of %s, %s", printable(source.model).c_str(),
              static_cast<long long>(report.calibration_items), printable(source.calibration).c_str(),
              source.method.c_str());
  if (report.smoothquant) std::printf(", SmoothQuant alpha %s", short_number(*report.smoothquant).c_str());
  std::printf("\n");
  if (!report.smoothquant_note.empty())
    std::printf("SmoothQuant search: %s\n", printable(report.smoothquant_note).c_str());
  std::printf("\n");
  print_table(report);
  std::printf("\n");
  print_coverage(report);
  if (report.fp32_ms > 0)
    std::printf("steps of one inference: FP32 %s ms, INT8 %s ms\n", milliseconds(report.fp32_ms).c_str(),
                milliseconds(report.int8_ms).c_str());
  std::printf("score (%s, %lld items of %s): FP32 %s, INT8 %s, drop %s", report.metric.c_str(),
              static_cast<long long>(report.validation_items), printable(source.validation).c_str(),
              fixed(report.fp32_score, 2).c_str(), fixed(report.int8_score, 2).c_str(),
              fixed(report.fp32_score - report.int8_score, 2).c_str());
  if (source.max_drop)
    std::printf(" (%s %s)", report.gate_holds ? "at most" : "more than", short_number(*source.max_drop).c_str());
  std::printf("\nagainst FP32: top-1 agreement %s, cosine %s, SQNR %s\n", percent(report.agreement).c_str(),
              cosine_text(report.cosine).c_str(), sqnr_text(report.sqnr_db).c_str());
  if (report.gate_holds) std::printf("written to %s\n", printable(source.output).c_str());
}

}  // namespace tessera::tool
