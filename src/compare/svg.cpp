#include "compare/svg.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "compare/format.hpp"

namespace tessera::svg {

const std::string_view style = R"(<style>
.tc-back{fill:#ffffff}.tc-title{fill:#0f172a;font:600 16px system-ui,sans-serif}
.tc-note{fill:#64748b;font:12px system-ui,sans-serif}.tc-sub{fill:#64748b;font:11px system-ui,sans-serif}
.tc-case{fill:#0f172a;font:13px ui-monospace,'DejaVu Sans Mono',monospace}
.tc-off{fill:#94a3b8}.tc-value{fill:#0f172a;font:600 13px system-ui,sans-serif}
.tc-grid{stroke:#e2e8f0}.tc-axis{stroke:#94a3b8}.tc-base{stroke:#64748b;stroke-dasharray:4 3}
.tc-whisker{stroke:#0f172a;stroke-width:1.5;opacity:.75}
.tc-fp32{fill:#8493a8}.tc-bf16{fill:#4f7fe8}.tc-int8{fill:#14a38b}.tc-int8-dynamic{fill:#b3a125}
.tc-line{fill:none;stroke-width:2}.tc-dash1{stroke-dasharray:7 4}.tc-dash2{stroke-dasharray:2 4}
.tl-fp32{stroke:#8493a8}.tl-bf16{stroke:#4f7fe8}.tl-int8{stroke:#14a38b}.tl-int8-dynamic{stroke:#b3a125}
.tc-layer{fill-opacity:.55}
.tc-over{paint-order:stroke;stroke:#ffffff;stroke-width:6px}
@media screen and (prefers-color-scheme:dark){
.tc-back{fill:#111827}.tc-title,.tc-case,.tc-value{fill:#f1f5f9}.tc-note,.tc-sub{fill:#94a3b8}.tc-off{fill:#64748b}
.tc-grid{stroke:#273244}.tc-axis{stroke:#64748b}.tc-base{stroke:#94a3b8}.tc-whisker{stroke:#f1f5f9}
.tc-fp32{fill:#7687a0}.tc-bf16{fill:#5c8df6}.tc-int8{fill:#1fb89e}.tc-int8-dynamic{fill:#cdbb3e}.tc-over{stroke:#111827}
.tl-fp32{stroke:#7687a0}.tl-bf16{stroke:#5c8df6}.tl-int8{stroke:#1fb89e}.tl-int8-dynamic{stroke:#cdbb3e}}
</style>
)";

std::string at(std::string_view name, double value) {
  return " " + std::string(name) + "=\"" + fixed(value, 1) + "\"";
}

std::string text(std::string_view css, double x, double y, std::string_view content, std::string_view anchor) {
  return "<text class=\"" + std::string(css) + "\"" + at("x", x) + at("y", y) + " text-anchor=\"" +
         std::string(anchor) + "\">" + escape_xml(content) + "</text>\n";
}

std::string heading(std::string_view title) {
  constexpr std::size_t most_characters = 58;
  return text("tc-title", 16, 26, shorten(title, most_characters));
}

std::string line(std::string_view css, double x1, double y1, double x2, double y2) {
  return "<line class=\"" + std::string(css) + "\"" + at("x1", x1) + at("y1", y1) + at("x2", x2) + at("y2", y2) +
         "/>\n";
}

std::string begin(double width, double height, std::string_view title) {
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + fixed(width, 0) + " " + fixed(height, 0) + "\"" +
         at("width", width) + at("height", height) + " role=\"img\" aria-label=\"" + escape_xml(title) + "\">\n" +
         std::string(style) + "<rect class=\"tc-back\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n";
}

double tick_step(double range, int parts) {
  const double rough = range / parts;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

int tick_decimals(double step) {
  return std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
}

}  // namespace tessera::svg
