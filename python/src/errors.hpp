// tessera::Error as the Python exception tessera.Error.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>

namespace tessera::python {

/// What `error` is in Python: tessera.Error, the exception that Python code raised, MemoryError or RuntimeError. Needs
/// the GIL.
nanobind::object python_exception(const std::exception_ptr& error);

}  // namespace tessera::python
