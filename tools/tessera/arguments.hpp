// Words that several subcommands share: instruction sets, precisions, the ceiling in the environment, extents.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "command.hpp"
#include "tessera/isa.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {

inline constexpr int most_threads = 1024;

/// Error{invalid} naming the option and the valid names.
Isa isa_option(const std::string& word);
Precision precision_option(const std::string& word);

/// The ceiling that TESSERA_MAX_CPU_ISA sets, or ONEDNN_MAX_CPU_ISA where that is unset. The one place that reads them.
std::optional<Isa> isa_ceiling_from_environment();
/// The same for given values; empty ones count as unset. Error{invalid} for a word that is no instruction set.
std::optional<Isa> isa_ceiling(const std::string& tessera_value, const std::string& onednn_value);

/// A note when more threads are asked for than there are CPUs to run them. `streams` have `threads` each.
void warn_of_threads(int threads, const Context& context, int streams = 1);
/// The tier to compile for, the best one for an empty word. One that is not available here is an error under --strict,
/// and replaced with a note otherwise.
Isa choose_isa(const std::string& word, bool strict, const Context& context);

/// --batch and --seq as the extents that Model takes.
std::map<std::string, std::int64_t> extents_of(std::optional<int> batch, std::optional<int> seq);

/// "1,4,16" as numbers from 1 to 65536; nothing for an empty word. Error{invalid} naming the option.
std::vector<std::int64_t> extent_list(const char* option, const std::string& word);

/// Error{invalid} when the model fixes an extent that was asked to be another: `inputs` are those it really takes.
void require_extents(const Model& model, const TensorMap& inputs, std::optional<int> batch, std::optional<int> seq);

}  // namespace tessera::tool
