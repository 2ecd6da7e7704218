// The usual ways to say no: tessera::Error, made and thrown.
#pragma once

#include <string>

#include "tessera/error.hpp"

namespace tessera {

/// The work failed.
[[noreturn]] void fail(std::string what, std::string why, std::string remedy = {});
/// The words or the input were wrong.
[[noreturn]] void reject(std::string what, std::string why, std::string remedy = {});

}  // namespace tessera
