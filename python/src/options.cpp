#include "options.hpp"

#include "core/error.hpp"

namespace tessera::python {

Precision precision_from(const std::string& word) {
  if (const auto precision = precision_from_name(word)) return *precision;
  reject("precision " + word, "no such precision", "choose fp32, bf16, int8 or int8-dynamic");
}

std::optional<Isa> isa_from(const std::optional<std::string>& word) {
  if (!word) return std::nullopt;
  if (const auto isa = isa_from_name(*word)) return isa;
  std::string names;
  for (const Isa isa : all_isas) names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  reject("isa " + *word, "no such instruction set", "choose one of " + names);
}

}  // namespace tessera::python
