// A model as Python holds it.
#pragma once

#include <string>

#include "tessera/tessera.hpp"

namespace tessera::python {

struct LoadedModel {
  Model model;
  std::string source;  ///< what it was loaded from: files that describe its preprocessing stand beside it
};

}  // namespace tessera::python
