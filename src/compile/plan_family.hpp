// PlanFamily: what the plans of one graph for different extents share besides packed weights.
#pragma once

#include "compile/known_values.hpp"
#include "compile/layout/epilogue_store.hpp"

namespace tessera {

/// Belongs to one graph and to one thread at a time.
struct PlanFamily {
  KnownValues known;
  EpilogueStore epilogues;
};

}  // namespace tessera
