// The pieces that charts are drawn from. Coordinates are pixels at 100 %.
#pragma once

#include <string>
#include <string_view>

namespace tessera::svg {

/// Classes carry a prefix because the charts also stand inside pages, whose style they must not touch.
extern const std::string_view style;

/// name="12.5"
std::string at(std::string_view name, double value);
/// `anchor`: start, middle or end. `content` is escaped.
std::string text(std::string_view css, double x, double y, std::string_view content, std::string_view anchor = "start");
/// The title at the top, cut where it would leave a chart of the usual width.
std::string heading(std::string_view title);
std::string line(std::string_view css, double x1, double y1, double x2, double y2);
/// From <svg> to the background: what every chart begins with.
std::string begin(double width, double height, std::string_view title);

/// A step of 1, 2 or 5 times a power of ten that divides the range into at most `parts`.
double tick_step(double range, int parts = 6);
/// The decimals that ticks of this step need.
int tick_decimals(double step);

}  // namespace tessera::svg
