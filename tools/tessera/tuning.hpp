// --tune: the option, where its timings are remembered, and compiling with it.
#pragma once

#include <string>

#include "command.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {

void add_tune_option(CLI::App& command, bool& tune);

/// What a person who compares outputs should know of a tuned session.
inline constexpr const char* tuned_bits =
    "layers were tuned by timing: FP32 and BF16 results may differ in their last bits from an untuned run, and from "
    "run "
    "to run; INT8 results do not";

/// The file that remembers timings: in $XDG_CACHE_HOME or ~/.cache. Empty where the environment names neither.
std::string tune_cache_file();
/// The same for given values of XDG_CACHE_HOME and HOME.
std::string tune_cache_file(const std::string& cache_home, const std::string& home);

/// model.compile(options); with `tune`, layers are timed, with a line of progress, and what was wrong with the cache
/// becomes a note.
Session compile(const Model& model, SessionOptions options, bool tune, const Context& context);

}  // namespace tessera::tool
