// tessera completion SHELL, and the hidden tessera man: what packages install beside the program.
#include <cstdio>
#include <memory>
#include <string>

#include "command.hpp"
#include "completion.hpp"
#include "core/error.hpp"
#include "man_page.hpp"
#include "tessera/version.h"

namespace tessera::tool {
namespace {

std::string completion_for(const std::string& shell, const CommandWords& program) {
  if (shell == "bash") return bash_completion(program);
  if (shell == "zsh") return zsh_completion(program);
  if (shell == "fish") return fish_completion(program);
  reject("shell " + shell, "there is no completion for it", "use bash, zsh or fish");
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace

void add_completion(CLI::App& app, Context& context) {
  CLI::App* completion = app.add_subcommand("completion", "print what a shell needs to complete this command line");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  completion->footer("  source <(tessera completion bash)      # for this shell; in ~/.bashrc for all");
  completion->callback([shell, &app, &context] {
    context.action = [shell, &app] { return print(completion_for(*shell, words_of(app))); };
  });

  CLI::App* man = app.add_subcommand("man", "print the manual page")->group("");
  man->callback(
      [&app, &context] { context.action = [&app] { return print(man_page(words_of(app), TESSERA_VERSION)); }; });
}

}  // namespace tessera::tool
