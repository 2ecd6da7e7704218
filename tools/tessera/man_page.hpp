// The manual page tessera(1), in the macros of man(7).
#pragma once

#include <string>

#include "command_words.hpp"

namespace tessera::tool {

std::string man_page(const CommandWords& program, const std::string& version);

}  // namespace tessera::tool
