// Completion of the command line in shells.
#pragma once

#include <string>

#include "command_words.hpp"

namespace tessera::tool {

std::string bash_completion(const CommandWords& program);
std::string zsh_completion(const CommandWords& program);
std::string fish_completion(const CommandWords& program);

}  // namespace tessera::tool
