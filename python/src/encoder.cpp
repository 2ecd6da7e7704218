// Texts to embeddings.
#include "tessera/encoder.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "bindings.hpp"
#include "options.hpp"

namespace tessera::python {
namespace {

std::unique_ptr<Encoder> load(const std::string& folder, const std::string& precision,
                              const std::optional<std::string>& isa, int threads, int streams,
                              const std::vector<std::string>& calibration_texts) {
  EncoderOptions options;
  options.session.precision = precision_from(precision);
  options.session.isa = isa_from(isa);
  options.session.threads = threads;
  options.session.streams = streams;
  options.calibration_texts = calibration_texts;
  const nb::gil_scoped_release release;
  return std::make_unique<Encoder>(folder, options);
}

nb::object encode(const Encoder& encoder, const std::vector<std::string>& texts, std::int64_t batch_size,
                  bool normalize) {
  Tensor embeddings;
  {
    const nb::gil_scoped_release release;
    embeddings = encoder.encode(texts, {.batch_size = batch_size, .normalize = normalize});
  }
  return array_from(std::move(embeddings));
}

}  // namespace

void bind_encoder(nb::module_& module) {
  module.def("load_encoder", &load, nb::kw_only(), nb::arg("folder"), nb::arg("precision"), nb::arg("isa").none(),
             nb::arg("threads"), nb::arg("streams"), nb::arg("calibration_texts"));
  nb::class_<Encoder>(module, "Encoder")
      .def("encode", &encode, nb::arg("texts"), nb::arg("batch_size"), nb::arg("normalize"))
      .def("hidden", &Encoder::hidden)
      .def("max_tokens", &Encoder::max_tokens);
}

}  // namespace tessera::python
