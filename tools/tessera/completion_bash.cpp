// Completion for bash: two tables, of the words that a command takes and of the values that an option takes, and a
// function that looks them up.
#include <sstream>

#include "completion.hpp"

namespace tessera::tool {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

/// `path` is "" for the program itself, " compare" for a command of it.
void write_words(std::ostream& out, const std::string& path, const CommandWords& command) {
  std::vector<std::string> words;
  for (const CommandWords& below : command.commands) words.push_back(below.name);
  for (const OptionWords& option : command.options) words.insert(words.end(), option.names.begin(), option.names.end());
  bool files = false;
  for (const OptionWords& positional : command.positionals) {
    const ValueWords values = values_of(positional);
    words.insert(words.end(), values.fixed.begin(), values.fixed.end());
    files = files || values.files;
  }
  out << "    '" << path << "') words='" << joined(words) << "' files=" << (files ? 1 : 0) << " ;;\n";
  for (const CommandWords& below : command.commands) write_words(out, path + " " + below.name, below);
}

void write_values(std::ostream& out, const std::string& path, const CommandWords& command) {
  for (const OptionWords& option : command.options) {
    if (option.value.empty()) continue;
    const ValueWords values = values_of(option);
    std::string patterns;
    for (const std::string& name : option.names) patterns += (patterns.empty() ? "'" : "|'") + path + " " + name + "'";
    out << "    " << patterns << ") words='" << joined(values.fixed) << "' files=" << (values.files ? 1 : 0) << " ;;\n";
  }
  for (const CommandWords& below : command.commands) write_values(out, path + " " + below.name, below);
}

void write_commands(std::ostream& out, const std::string& path, const CommandWords& command) {
  for (const CommandWords& below : command.commands) {
    out << (path.empty() && &below == &command.commands.front() ? "" : "|") << "'" << path << " " << below.name << "'";
    write_commands(out, path + " " + below.name, below);
  }
}

}  // namespace

std::string bash_completion(const CommandWords& program) {
  std::ostringstream out;
  out << R"(# Completion of tessera for bash. Written by: tessera completion bash
_tessera() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path='' words='' files=0 i
  # Where a word is divided at an @, the tier behind it is a word of its own.
  if [[ $current == @ || $before == @ ]]; then
    [[ $current == @ ]] && current=''
    COMPREPLY=($(compgen -W ')"
      << joined(values_of({{}, "ISA", {}, false}).fixed) << R"(' -- "$current"))
    return
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      --) mapfile -t COMPREPLY < <(compgen -c -f -- "$current"); return ;;
    esac
    case "$path ${COMP_WORDS[i]}" in
      )";
  write_commands(out, "", program);
  out << R"() path="$path ${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $before" in
)";
  write_values(out, "", program);
  out << R"(    *) case "$path" in
)";
  write_words(out, "", program);
  out << R"(    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if ((files)); then
    compopt -o filenames
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -F _tessera tessera
)";
  return out.str();
}

}  // namespace tessera::tool
