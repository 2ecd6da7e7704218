#include "errors.hpp"

#include <new>

#include "bindings.hpp"
#include "tessera/tessera.hpp"

namespace tessera::python {
namespace {

/// The class, kept for the life of the process: errors may come until its very end.
nb::handle error_class;

const char* kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed: return "failed";
    case ErrorKind::invalid: return "invalid";
    case ErrorKind::unavailable: return "unavailable";
  }
  return "failed";
}

nb::object exception_of(const Error& error) {
  return error_class(error.subject(), error.why(), error.remedy(), kind_name(error.kind()));
}

void translate(const std::exception_ptr& error, void*) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& own) {
    const nb::object exception = exception_of(own);
    PyErr_SetObject(exception.type().ptr(), exception.ptr());
  }
}

}  // namespace

nb::object python_exception(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& own) {
    return exception_of(own);
  } catch (const nb::python_error& raised) {
    return nb::borrow(raised.value());
  } catch (const std::bad_alloc&) {
    return nb::borrow(PyExc_MemoryError)();
  } catch (const std::exception& other) {
    return nb::borrow(PyExc_RuntimeError)(other.what());
  } catch (...) {
    return nb::borrow(PyExc_RuntimeError)("unknown exception");
  }
}

void bind_errors(nb::module_&) {
  error_class = nb::object(nb::module_::import_("tessera._error").attr("Error")).release();
  nb::register_exception_translator(&translate);
}

}  // namespace tessera::python
