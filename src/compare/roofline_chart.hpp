// Where the layers of a profile stand under the roofs of the machine.
#pragma once

#include <string>

#include "compare/layer_profile.hpp"

namespace tessera {

/// A point for each step that multiplies: operations for each byte it has to move at least, and operations a second.
/// Flat roofs are measured multiply-adds in registers, the slope is measured copying of large arrays; larger points
/// take more of the time. `title`: of the chart.
std::string roofline_chart_svg(const LayerProfile& profile, const std::string& title);

}  // namespace tessera
