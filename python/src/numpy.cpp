#include "numpy.hpp"

#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION  // what pyproject.toml asks for at least
#include <numpy/arrayobject.h>

#include <algorithm>
#include <array>

#include "bindings.hpp"

namespace tessera::python {
namespace {

/// Of a type that NumPy has.
int numpy_type(DataType type) {
  switch (type) {
    case DataType::f32:
    case DataType::bf16: return NPY_FLOAT32;
    case DataType::u8: return NPY_UINT8;
    case DataType::s8: return NPY_INT8;
    case DataType::s16: return NPY_INT16;
    case DataType::s32: return NPY_INT32;
    case DataType::i64: return NPY_INT64;
    case DataType::boolean: return NPY_BOOL;
  }
  return NPY_NOTYPE;
}

}  // namespace

void import_numpy() {
  if (_import_array() < 0) throw nb::python_error();
}

std::optional<TensorView> numpy_view(nb::handle value, DataType type) {
  if (!PyArray_CheckExact(value.ptr()) || type == DataType::bf16) return std::nullopt;
  auto* const array = reinterpret_cast<PyArrayObject*>(value.ptr());
  const auto rank = static_cast<std::size_t>(PyArray_NDIM(array));
  if (PyArray_TYPE(array) != numpy_type(type) || !PyArray_ISCARRAY_RO(array) || rank > Shape::max_rank)
    return std::nullopt;
  Shape shape;
  for (std::size_t axis = 0; axis < rank; ++axis) shape.push_back(PyArray_DIMS(array)[axis]);
  return TensorView{type, shape, static_cast<std::byte*>(PyArray_DATA(array))};
}

nb::object numpy_array(const TensorView& view, nb::object owner) {
  std::array<npy_intp, Shape::max_rank> extents{};
  std::ranges::copy(view.shape.dims(), extents.begin());
  const nb::object array =
      nb::steal(PyArray_New(&PyArray_Type, static_cast<int>(view.shape.rank()), extents.data(), numpy_type(view.type),
                            nullptr, view.data, 0, NPY_ARRAY_CARRAY, nullptr));
  if (!array.is_valid() ||
      PyArray_SetBaseObject(reinterpret_cast<PyArrayObject*>(array.ptr()), owner.release().ptr()) < 0)
    throw nb::python_error();
  return array;
}

}  // namespace tessera::python
