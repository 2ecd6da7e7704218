#include "tuning.hpp"

#include <utility>

#include "terminal.hpp"

namespace tessera::tool {

void add_tune_option(CLI::App& command, bool& tune) {
  command.add_flag("--tune", tune,
                   "time the ways to compute each layer on this machine and take the fastest; remembered in "
                   "~/.cache/tessera");
}

std::string tune_cache_file() {
  return tune_cache_file(environment("XDG_CACHE_HOME"), environment("HOME"));
}

std::string tune_cache_file(const std::string& cache_home, const std::string& home) {
  const char* const name = "/tessera/tuning.json";
  if (cache_home.starts_with('/')) return cache_home + name;  // a relative one is to be ignored
  return home.empty() ? std::string() : home + "/.cache" + name;
}

Session compile(const Model& model, SessionOptions options, bool tune, const Context& context) {
  if (!tune) return model.compile(options);
  ProgressLine line(context.terminal, !context.quiet);
  line.stage("timing layers");
  options.tune = true;
  options.tune_cache = tune_cache_file();
  options.tune_progress = [&line](std::string_view, std::int64_t done, std::int64_t total) {
    line.update(static_cast<double>(done) / static_cast<double>(total));
  };
  Session session = model.compile(options);
  if (const std::string& warning = session.tuning().warning; !warning.empty() && !context.quiet) print_note(warning);
  return session;
}

}  // namespace tessera::tool
