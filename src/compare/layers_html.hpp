// A profile as a part of a page: the roofline, where the time goes, and a row for each step.
#pragma once

#include <string>

#include "compare/layer_profile.hpp"

namespace tessera {

/// The charts and the table, without a heading. Without times only the table. `title`: of the roofline.
std::string layers_html(const LayerProfile& profile, const std::string& title);

/// What `explain` says of a session, for a page of its own.
struct ExplainedSession {
  std::string model, precision, extents;  ///< "resnet50", "int8", "batch 1"
  std::string batch;                      ///< how the batch is gone through; empty: nothing to say
  std::string version, created;
  double gflop = 0, weights_mb = 0, arena_mb = 0;
  LayerProfile profile;
};

/// A page that needs nothing else.
std::string explain_html(const ExplainedSession& session);

}  // namespace tessera
