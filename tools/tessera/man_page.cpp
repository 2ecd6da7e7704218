#include "man_page.hpp"

#include <sstream>

namespace tessera::tool {
namespace {

/// Text that troff prints as it is: hyphens stay hyphens, and no line begins as a request does.
std::string escaped(const std::string& text) {
  std::string result;
  bool line_begins = true;
  for (const char letter : text) {
    if (line_begins && (letter == '.' || letter == '\'')) result += "\\&";
    line_begins = letter == '\n';
    if (letter == '\\')
      result += "\\e";
    else if (letter == '-')
      result += "\\-";
    else
      result += letter;
  }
  return result;
}

std::string bold(const std::string& text) {
  return "\\fB" + escaped(text) + "\\fR";
}
std::string italic(const std::string& text) {
  return "\\fI" + escaped(text) + "\\fR";
}

void write_options(std::ostream& out, const std::vector<OptionWords>& options) {
  for (const OptionWords& option : options) {
    out << ".TP\n";
    for (std::size_t i = 0; i < option.names.size(); ++i) out << (i == 0 ? "" : ", ") << bold(option.names[i]);
    if (!option.value.empty()) out << (option.names.empty() ? "" : " ") << italic(option.value);
    out << "\n" << escaped(option.description) << "\n";
  }
}

/// Lines as they are, examples among them.
void write_footer(std::ostream& out, const std::string& footer) {
  if (!footer.empty()) out << ".PP\n.nf\n" << escaped(footer) << "\n.fi\n";
}

void write_command(std::ostream& out, const std::string& path, const CommandWords& command) {
  out << ".SS " << path << "\n" << bold(path);
  if (!command.options.empty()) out << " [" << italic("OPTIONS") << "]";
  for (const OptionWords& positional : command.positionals)
    out << " " << italic(positional.value) << (positional.repeated ? " ..." : "");
  out << "\n.PP\n" << escaped(command.description) << "\n";
  write_options(out, command.positionals);
  write_options(out, command.options);
  write_footer(out, command.footer);
  for (const CommandWords& below : command.commands) write_command(out, path + " " + below.name, below);
}

}  // namespace

std::string man_page(const CommandWords& program, const std::string& version) {
  std::ostringstream out;
  // No date: the page of a version is the same whenever it is built.
  out << ".TH TESSERA 1 \"\" \"tessera " << version << "\" \"User Commands\"\n"
      << ".SH NAME\ntessera \\- neural network inference on x86 CPUs\n"
      << ".SH SYNOPSIS\n"
      << bold("tessera") << " " << italic("COMMAND") << " [" << italic("OPTIONS") << "]\n"
      << ".SH DESCRIPTION\n"
      << escaped(program.description) << "\n"
      << ".SH OPTIONS\n";
  write_options(out, program.options);
  out << ".SH COMMANDS\n";
  for (const CommandWords& command : program.commands) write_command(out, "tessera " + command.name, command);
  out << ".SH EXIT STATUS\n";
  for (const auto& [status, meaning] :
       {std::pair{"0", "done"}, std::pair{"1", "the work failed"}, std::pair{"2", "the words or the input were wrong"},
        std::pair{"3", "what was asked for is not available on this machine"}})
    out << ".TP\n" << bold(status) << "\n" << meaning << "\n";
  out << ".SH ENVIRONMENT\n.TP\n"
      << bold("TESSERA_MAX_CPU_ISA") << ", " << bold("ONEDNN_MAX_CPU_ISA")
      << "\ncap the instruction sets that are used unless one is asked for; the first one counts where both are set\n"
      << ".TP\n"
      << bold("NO_COLOR") << "\nno colours on a terminal\n";
  return out.str();
}

}  // namespace tessera::tool
