// Words of Python as the engine's options.
#pragma once

#include <optional>
#include <string>

#include "tessera/tessera.hpp"

namespace tessera::python {

/// Error{invalid} with the valid words.
Precision precision_from(const std::string& word);
std::optional<Isa> isa_from(const std::optional<std::string>& word);  ///< nothing: the best here

}  // namespace tessera::python
