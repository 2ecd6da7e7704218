// Attributes of a node, typed as ONNX types them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

using Attribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>, Tensor>;

/// Ordered by name so that dumps and written files are the same every time; looked up by string_view without
/// allocating.
using Attributes = std::map<std::string, Attribute, std::less<>>;

std::string to_string(const Attribute& attribute);

}  // namespace tessera
