// Named tensors, in or out.
#pragma once

#include <map>
#include <string>

#include "tessera/tensor.hpp"

namespace tessera {

using TensorMap = std::map<std::string, Tensor>;

}  // namespace tessera
