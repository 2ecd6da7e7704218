// The module `_tessera`, and what concerns no class of it.

#include <nlohmann/json.hpp>
#include <string>

#include "bindings.hpp"
#include "compare/doctor_json.hpp"
#include "numpy.hpp"
#include "tessera/tessera.hpp"

namespace tessera::python {
namespace {

std::string doctor() {
  const nb::gil_scoped_release release;
  return doctor_json(cpu_features(), detect_topology(), memory_limits())
      .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace
}  // namespace tessera::python

NB_MODULE(_tessera, module) {
  using namespace tessera::python;
  module.doc() = "The compiled half of the package tessera; use that.";
  module.attr("version") = std::string(tessera::version);
  import_numpy();
  bind_errors(module);
  bind_dataset(module);
  bind_session(module);
  bind_model(module);
  bind_comparison(module);
  bind_encoder(module);
  module.def("doctor", &doctor, "The report of `tessera doctor --json`, as text.");
}
