#include "quantize/observer.hpp"

#include <array>
#include <string>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

constexpr std::array<std::pair<CalibrationMethod, std::string_view>, 5> methods{
    {{CalibrationMethod::minmax, "minmax"},
     {CalibrationMethod::moving_average, "moving-average"},
     {CalibrationMethod::percentile, "percentile"},
     {CalibrationMethod::entropy, "entropy"},
     {CalibrationMethod::mse, "mse"}}};

}  // namespace

std::string_view name_of(AttentionProducts products) noexcept {
  switch (products) {
    case AttentionProducts::linears: return "linears";
    case AttentionProducts::qk: return "qk";
    case AttentionProducts::full: return "full";
  }
  return "?";
}

std::optional<AttentionProducts> attention_products_from_name(std::string_view name) noexcept {
  for (const auto products : {AttentionProducts::linears, AttentionProducts::qk, AttentionProducts::full})
    if (name_of(products) == name) return products;
  return std::nullopt;
}

std::string_view name_of(CalibrationMethod method) noexcept {
  for (const auto& [known, name] : methods)
    if (known == method) return name;
  return "?";
}

std::optional<CalibrationMethod> calibration_method_from_name(std::string_view name) noexcept {
  for (const auto& [method, known] : methods)
    if (known == name) return method;
  return std::nullopt;
}

std::unique_ptr<Observer> make_observer(const CalibrationOptions& options) {
  switch (options.method) {
    case CalibrationMethod::minmax: return make_minmax_observer();
    case CalibrationMethod::moving_average: return make_moving_average_observer();
    case CalibrationMethod::percentile: return make_percentile_observer(options.percentile);
    case CalibrationMethod::entropy: return make_entropy_observer();
    case CalibrationMethod::mse: return make_mse_observer();
  }
  fail("calibration", "unknown method");
}

}  // namespace tessera
