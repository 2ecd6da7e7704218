// tessera doctor, as a subcommand; what it reports is in doctor.cpp.
#include <iostream>
#include <memory>

#include "command.hpp"
#include "doctor.hpp"

namespace tessera::tool {

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "what this machine offers, what is missing and how to get it");
  struct Words {
    bool json = false, measure = false;
  };
  auto words = std::make_shared<Words>();
  command->add_flag("--json", words->json, "print the report as JSON");
  command->add_flag("--measure", words->measure,
                    "time what plans weigh against each other, on every instruction set of this machine (a second)");
  command->callback([words, &context] {
    context.action = [words] {
      run_doctor(words->json, words->measure, std::cout);
      std::cout.flush();
      return 0;
    };
  });
}

}  // namespace tessera::tool
