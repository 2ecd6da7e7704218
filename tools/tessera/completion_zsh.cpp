// Completion for zsh: one function for each command, which hands its options to _arguments.
#include <algorithm>
#include <sstream>

#include "completion.hpp"

namespace tessera::tool {
namespace {

/// Inside '...' and inside the brackets and colons of a specification.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == '\'') {
      result += "'\\''";
      continue;
    }
    if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') result += '\\';
    result += letter;
  }
  return result;
}

std::string action(const OptionWords& option) {
  const ValueWords values = values_of(option);
  std::string fixed;
  for (const std::string& word : values.fixed) fixed += (fixed.empty() ? "" : " ") + word;
  if (!values.files) return fixed.empty() ? " " : "(" + fixed + ")";
  return fixed.empty() ? "_files" : " _alternative \"words:word:(" + fixed + ")\" \"files:file:_files\"";
}

void write_option(std::ostream& out, const OptionWords& option) {
  std::string all;
  for (const std::string& name : option.names) all += (all.empty() ? "" : " ") + name;
  for (const std::string& name : option.names) {
    out << " \\\n    '" << (option.repeated ? "*" : "(" + all + ")") << name << "[" << escaped(option.description)
        << "]";
    if (!option.value.empty()) out << ":" << escaped(option.value) << ":" << action(option);
    out << "'";
  }
}

void write_function(std::ostream& out, const std::string& function, const CommandWords& command) {
  for (const CommandWords& below : command.commands) write_function(out, function + "_" + below.name, below);
  out << function << "() {\n";
  if (!command.commands.empty()) out << "  local state line\n  local -A opt_args\n";
  out << "  _arguments -S" << (command.commands.empty() ? "" : " -C");
  for (const OptionWords& option : command.options) write_option(out, option);
  for (const OptionWords& positional : command.positionals)
    out << " \\\n    '" << (positional.repeated ? "*" : "") << ":" << escaped(positional.value) << ":"
        << action(positional) << "'";
  if (!command.commands.empty()) out << " \\\n    '1:command:->command' '*::word:->words'";
  out << "\n";
  if (!command.commands.empty()) {
    out << "  case $state in\n    command)\n      local -a commands=(";
    for (const CommandWords& below : command.commands)
      out << "\n        '" << below.name << ":" << escaped(below.description) << "'";
    out << ")\n      _describe command commands ;;\n    words)\n      case $line[1] in\n";
    for (const CommandWords& below : command.commands)
      out << "        " << below.name << ") " << function << "_" << below.name << " ;;\n";
    out << "      esac ;;\n  esac\n";
  }
  out << "}\n";
}

}  // namespace

std::string zsh_completion(const CommandWords& program) {
  std::ostringstream out;
  out << "#compdef tessera\n# Completion of tessera for zsh. Written by: tessera completion zsh\n";
  write_function(out, "_tessera", program);
  // Loaded by name from a folder of functions it is called at once; sourced it only has to be known.
  out << "if [[ $funcstack[1] == _tessera ]]; then\n  _tessera \"$@\"\nelse\n  compdef _tessera tessera\nfi\n";
  return out.str();
}

}  // namespace tessera::tool
