// Arrays of Python as tensors and back: without a copy where the elements lie as a tensor has them.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"

namespace tessera::python {

/// A shared reference to a Python object that any thread may let go, with or without the GIL.
std::shared_ptr<PyObject> shared(nanobind::object object);

/// "float32", as NumPy writes it.
const char* numpy_name(DataType type);

/// The arrays of `feeds` by name. One that is dense, aligned, in this process's memory and of the type in `declared` is
/// borrowed: it must not change while it is in use. `convert(name, value, dtype)` makes such an array of any other
/// value, or raises. A name that is not declared is taken as it is: the model will refuse it. `token` is kept until the
/// last of the arrays has been let go.
TensorMap tensors_from(const nanobind::dict& feeds, const std::vector<TensorInfo>& declared,
                       const nanobind::object& convert, const std::shared_ptr<const void>& token = nullptr);

/// A NumPy array that owns the elements of `tensor`, which nobody else may use: writable. bf16 becomes float32.
nanobind::object array_from(Tensor tensor);

/// A NumPy array over memory that `owner` keeps. Error{invalid} for bf16, which NumPy does not have.
nanobind::object array_over(const TensorView& view, nanobind::handle owner);

/// The tensors as a dict of arrays, in the order of `names`.
nanobind::dict dict_from(TensorMap tensors, const std::vector<TensorInfo>& order);

/// [(name, dtype, shape)]: an extent is an int, or a str where it is a symbol.
nanobind::list list_from(const std::vector<TensorInfo>& infos);

}  // namespace tessera::python
