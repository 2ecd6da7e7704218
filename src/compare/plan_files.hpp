// A plan for the tools of others: Chrome's trace viewer and Graphviz.
#pragma once

#include <string>

#include "compare/layer_profile.hpp"

namespace tessera {

/// Trace Event Format, for chrome://tracing and Perfetto: the steps of one inference one after the other, each as long
/// as it took on average. Times are in microseconds.
std::string plan_trace(const LayerProfile& profile, const std::string& title);

/// Graphviz: a box for each step with its kernel and precision, an arrow to each step that reads what it leaves.
std::string plan_dot(const LayerProfile& profile, const std::string& title);

}  // namespace tessera
