// The command line: parse, run the chosen subcommand, turn whatever goes wrong into one line and an exit status.
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "command.hpp"
#include "compare/format.hpp"
#include "core/error.hpp"
#include "tessera/tessera.hpp"

namespace tessera::tool {
namespace {

constexpr int status_failed = 1, status_invalid = 2;

/// One line whatever the message holds.
int complain(std::string message, int status) {
  for (char& letter : message)
    if (letter == '\n' || letter == '\r') letter = ' ';
  while (!message.empty() && message.back() == ' ') message.pop_back();
  std::fflush(stdout);
  std::fprintf(stderr, "tessera: %s\n", printable(message).c_str());
  return status;
}

/// Allocates nothing: there is nothing left.
int complain_of_memory() noexcept {
  std::fflush(stdout);
  std::fputs(
      "tessera: memory: there is not enough of it: use a smaller batch, sequence or image, or give it more memory\n",
      stderr);
  return status_failed;
}

std::string lower_first(std::string text) {
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z'))
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

int complain_about_words(const CLI::App& app, const CLI::ParseError& error, const std::string& first_word) {
  const auto chosen = app.get_subcommands();
  if (chosen.empty() && !first_word.empty() && first_word[0] != '-') {
    std::string names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names += (names.empty() ? "" : ", ") + command->get_name();
    return complain("command '" + first_word + "': no such command: choose one of " + names, status_invalid);
  }
  const std::string command = chosen.empty() ? "tessera" : "tessera " + chosen.front()->get_name();
  return complain("command line: " + lower_first(error.what()) + ": see '" + command + " --help'", status_invalid);
}

/// Of a pipe that standard output writes to: asked of the system, since what an earlier write said is long overwritten.
bool reader_has_left() {
  pollfd output{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&output, 1, 0) >= 0 && (output.revents & POLLERR) != 0;
}

/// A result that did not reach its reader is a failure, unless the reader has left on purpose (`tessera ... | head`).
int finish_output(int status) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  if (errno == EPIPE || reader_has_left()) return status;
  return complain(std::string("standard output: ") + (errno != 0 ? std::strerror(errno) : "it could not be written") +
                      ": make room or write elsewhere",
                  status_failed);
}

int run(int argc, char** argv) {
  Context context;
  context.terminal = detect_terminal();
  CLI::App app("Neural network inference on x86 CPUs: FP32, BF16 and INT8 on the instruction set you choose.",
               "tessera");
  app.set_version_flag("-V,--version", "tessera " + std::string(version));
  app.add_flag("-q,--quiet", context.quiet, "no progress and no notes");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  app.footer(
      "Exit status: 0 done; 1 the work failed; 2 the words or the input were wrong; 3 not available on this machine.");
  add_compare(app, context);
  add_run(app, context);
  add_explain(app, context);
  add_compile(app, context);
  add_quantize(app, context);
  add_models(app, context);
  add_doctor(app, context);
  add_launch(app, context);
  add_embed(app, context);
  add_classify(app, context);
  add_completion(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return finish_output(app.exit(error));
    return complain_about_words(app, error, argc > 1 ? argv[1] : "");
  } catch (const std::out_of_range&) {
    // CLI11 reads the number behind --flag= without a look at its length.
    return complain("command line: a flag has a number that is too large: leave the number out", status_invalid);
  }
  if (!context.action) {
    std::fputs(app.help().c_str(), stdout);
    return finish_output(0);
  }
  return finish_output(context.action());
}

/// The exit status, whatever goes wrong; std::bad_alloc where even saying so takes more memory than there is.
int run_and_report(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    return complain(error.what(), static_cast<int>(error.kind()));
  } catch (const std::bad_alloc&) {
    return complain_of_memory();
  } catch (const std::exception& error) {
    return complain(std::string("internal error: ") + error.what() + ": please report it with the command you ran",
                    status_failed);
  } catch (...) {
    return complain("internal error: unknown exception: please report it with the command you ran", status_failed);
  }
}

}  // namespace
}  // namespace tessera::tool

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return tessera::tool::run_and_report(argc, argv);
  } catch (const std::bad_alloc&) {
    return tessera::tool::complain_of_memory();
  }
}
