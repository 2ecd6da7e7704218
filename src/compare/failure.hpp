// One failing model never costs the others.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tessera/error.hpp"

namespace tessera {

/// Calls `work`. What it throws, running out of memory included, is what is returned; `subject` names it for the
/// latter.
std::optional<Error> failure_of(const std::string& subject, const std::function<void()>& work);

}  // namespace tessera
