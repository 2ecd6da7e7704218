// The words of the command line as data, read from the parser itself: completion and the manual page are written from
// this, so that they never differ from what is understood.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace tessera::tool {

struct OptionWords {
  std::vector<std::string> names;  ///< "-q", "--quiet"; of a positional: empty
  std::string value;               ///< "DIR|FILE"; empty for a flag
  std::string description;
  bool repeated = false;
};

struct CommandWords {
  std::string name, description, footer;
  std::vector<OptionWords> options, positionals;
  std::vector<CommandWords> commands;  ///< those that help shows
};

CommandWords words_of(const CLI::App& app);

/// What may stand for the value of an option: the fixed ones, and whether files do as well.
struct ValueWords {
  std::vector<std::string> fixed;
  bool files = false;
};
ValueWords values_of(const OptionWords& option);

}  // namespace tessera::tool
