#include "command_words.hpp"

#include <algorithm>
#include <array>

#include "cpu/case_name.hpp"
#include "models/registry.hpp"
#include "tessera/isa.hpp"
#include "tessera/precision.hpp"

namespace tessera::tool {
namespace {

constexpr std::array precisions = {Precision::fp32, Precision::bf16, Precision::int8, Precision::int8_dynamic};

OptionWords words_of(const CLI::Option& option) {
  OptionWords words;
  for (const std::string& name : option.get_snames()) words.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) words.names.push_back("--" + name);
  if (option.get_items_expected_max() > 0) words.value = option.get_type_name();
  words.description = option.get_description();
  words.repeated = option.get_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return words;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

CommandWords words_of(const CLI::App& app) {
  CommandWords words{app.get_name(), app.get_description(), app.get_footer(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? words.positionals : words.options).push_back(words_of(*option));
  for (const CLI::App* command : app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); }))
    words.commands.push_back(words_of(*command));
  // A command that says nothing of its own inherits the last words of the program.
  for (CommandWords& command : words.commands)
    if (command.footer == words.footer) command.footer.clear();
  return words;
}

ValueWords values_of(const OptionWords& option) {
  ValueWords words;
  const std::string& value = option.value;
  words.files = contains(value, "FILE") || contains(value, "DIR") || contains(value, "MODEL");
  if (value == "NAME|FILE" || value == "MODEL" || (value == "NAME" && option.names.empty()))
    for (const ModelEntry& model : built_in_models()) words.fixed.emplace_back(model.name);
  if (value == "ISA")
    for (const Isa isa : all_isas) words.fixed.emplace_back(name_of(isa));
  if (value == "CASE" || std::ranges::find(option.names, "--precision") != option.names.end())
    for (const Precision precision : precisions) words.fixed.emplace_back(name_of(precision));
  if (value == "CASE")
    for (const Precision precision : precisions)
      for (const Isa isa : all_isas) words.fixed.push_back(case_name(precision, isa));
  if (value == "latency|throughput") words.fixed = {"latency", "throughput"};
  if (value == "N|auto") words.fixed = {"auto"};
  if (value == "SHELL") words.fixed = {"bash", "zsh", "fish"};
  return words;
}

}  // namespace tessera::tool
