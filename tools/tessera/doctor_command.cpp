// tessera doctor, as a subcommand; what it reports is in doctor.cpp.
#include <iostream>
#include <memory>

#include "command.hpp"
#include "doctor.hpp"

namespace tessera::tool {

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "what this machine offers, what is missing and how to get it");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print the report as JSON");
  command->callback([json, &context] {
    context.action = [json] {
      run_doctor(*json, std::cout);
      std::cout.flush();
      return 0;
    };
  });
}

}  // namespace tessera::tool
