#pragma once

#include <string>

namespace tessera {

/// The path of `name` (a model or a labelled test set) under tests/data of this source tree.
std::string test_data(const std::string& name);

}  // namespace tessera
