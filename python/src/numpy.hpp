// NumPy's arrays, by NumPy's own C interface.
//
// The weights of a large model leave nothing of Python in the caches, and what a call then costs is how much code and
// data it touches. Asking an array for its address through DLPack, and making one through the protocol of buffers,
// touches more than NumPy's C interface does: with cold caches run() took 65 us of Python, and 46 this way.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>

#include "tessera/tensor.hpp"

namespace tessera::python {

/// To be called once, when the module is imported. What Python raises where there is no NumPy.
void import_numpy();

/// Where the elements of `value` lie; nothing unless it is a NumPy array (of no class of its own) that is dense,
/// aligned and of `type`.
std::optional<TensorView> numpy_view(nanobind::handle value, DataType type);

/// A writable array over memory that `owner` keeps. `view` is not bf16.
nanobind::object numpy_array(const TensorView& view, nanobind::object owner);

}  // namespace tessera::python
