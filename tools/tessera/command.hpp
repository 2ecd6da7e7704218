// How a subcommand joins the program: one file each, with one function that adds its options to the parser and sets
// `action` once its words have been understood. A new subcommand is a new file, a line here and a line in main.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "terminal.hpp"

namespace tessera::tool {

/// What every subcommand may look at. Lives in main for the whole run.
struct Context {
  Terminal terminal;
  bool quiet = false;           ///< -q: no progress, no notes
  std::function<int()> action;  ///< runs after parsing; returns the exit status, or throws
};

/// A range check that keeps quiet in --help, where the limits would only be noise.
template <typename Number>
CLI::Validator between(Number low, Number high) {
  return CLI::Range(low, high).description("");
}

/// For unsigned numbers, where the parser takes -1 for the largest one.
inline CLI::Validator not_negative() {
  return CLI::Validator(CLI::NonNegativeNumber).description("");
}

void add_compare(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_compile(CLI::App& app, Context& context);
void add_quantize(CLI::App& app, Context& context);
void add_models(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_launch(CLI::App& app, Context& context);
void add_embed(CLI::App& app, Context& context);
void add_classify(CLI::App& app, Context& context);
void add_completion(CLI::App& app, Context& context);

}  // namespace tessera::tool
