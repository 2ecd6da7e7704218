// Completion for fish: one line for each word.
#include <sstream>

#include "completion.hpp"

namespace tessera::tool {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') result += '\\';
    result += letter;
  }
  return result + "'";
}

void write_values(std::ostream& out, const OptionWords& option) {
  const ValueWords values = values_of(option);
  out << (values.files ? " -F" : "");
  std::string fixed;
  for (const std::string& word : values.fixed) fixed += (fixed.empty() ? "" : " ") + word;
  if (!fixed.empty()) out << " -a " << quoted(fixed);
}

/// `condition`: when this command has been named.
void write_command(std::ostream& out, const std::string& condition, const CommandWords& command) {
  const std::string line = "complete -c tessera -n " + quoted(condition);
  for (const OptionWords& option : command.options) {
    out << line;
    for (const std::string& name : option.names)
      out << (name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1));
    if (!option.value.empty()) {
      out << " -r";
      write_values(out, option);
    }
    out << " -d " << quoted(option.description) << "\n";
  }
  for (const OptionWords& positional : command.positionals) {
    out << line;
    write_values(out, positional);
    out << "\n";
  }
  std::string names;
  for (const CommandWords& below : command.commands) names += " " + below.name;
  for (const CommandWords& below : command.commands) {
    out << "complete -c tessera -n " << quoted(condition + "; and not __fish_seen_subcommand_from" + names) << " -a "
        << below.name << " -d " << quoted(below.description) << "\n";
    write_command(out, (condition == "true" ? "" : condition + "; and ") + "__fish_seen_subcommand_from " + below.name,
                  below);
  }
}

}  // namespace

std::string fish_completion(const CommandWords& program) {
  std::ostringstream out;
  out << "# Completion of tessera for fish. Written by: tessera completion fish\ncomplete -c tessera -f\n";
  write_command(out, "true", program);
  return out.str();
}

}  // namespace tessera::tool
