// The compiled half of the Python package: one function per file that adds its classes to the module `_tessera`. Users
// see the package `tessera` (python/tessera), which gives these classes their Python manners.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // every file passes strings, and without it they fail only when they run

namespace tessera::python {

namespace nb = nanobind;

void bind_errors(nb::module_& module);
void bind_dataset(nb::module_& module);
void bind_session(nb::module_& module);
void bind_model(nb::module_& module);
void bind_comparison(nb::module_& module);
void bind_encoder(nb::module_& module);

}  // namespace tessera::python
