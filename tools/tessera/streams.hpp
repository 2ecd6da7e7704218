// --streams and --hint: requests side by side instead of one at a time.
#pragma once

#include <string>

#include "command.hpp"

namespace tessera::tool {

struct StreamWords {
  std::string streams, hint;
};

void add_stream_options(CLI::App& command, StreamWords& words);

/// As in SessionOptions: 0 for one stream per core. Error{invalid} for words that say nothing, or contradict each
/// other.
int streams_option(const StreamWords& words);

}  // namespace tessera::tool
