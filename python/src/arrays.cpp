#include "arrays.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "bindings.hpp"
#include "core/error.hpp"
#include "numpy.hpp"

namespace tessera::python {
namespace {

using AnyArray = nb::ndarray<nb::ro>;
using nb::dlpack::dtype_code;

nb::dlpack::dtype dlpack_type(DataType type) {
  const auto of = [](dtype_code code, int bits) {
    return nb::dlpack::dtype{static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits), 1};
  };
  switch (type) {
    case DataType::f32: return of(dtype_code::Float, 32);
    case DataType::bf16: return of(dtype_code::Bfloat, 16);
    case DataType::u8: return of(dtype_code::UInt, 8);
    case DataType::s8: return of(dtype_code::Int, 8);
    case DataType::s16: return of(dtype_code::Int, 16);
    case DataType::s32: return of(dtype_code::Int, 32);
    case DataType::i64: return of(dtype_code::Int, 64);
    case DataType::boolean: return of(dtype_code::Bool, 8);
  }
  return {};
}

bool is_dense(const AnyArray& array) {
  std::int64_t step = 1;
  for (std::size_t axis = array.ndim(); axis-- > 0;) {
    const auto extent = static_cast<std::int64_t>(array.shape(axis));
    if (extent != 1 && array.stride(axis) != step) return false;
    step *= extent;
  }
  return true;
}

/// The array where it can be read as a tensor of that type; nothing where it must be converted first.
std::optional<AnyArray> as_it_lies(nb::handle value, DataType type) {
  AnyArray array;
  if (!nb::ndarray_check(value) || !nb::try_cast(value, array, false)) return std::nullopt;
  const bool fits = array.device_type() == nb::device::cpu::value && array.dtype() == dlpack_type(type) &&
                    array.ndim() <= Shape::max_rank && is_dense(array) &&
                    reinterpret_cast<std::uintptr_t>(array.data()) % size_of(type) == 0;
  if (!fits) return std::nullopt;
  return array;
}

/// An array whose last reference may be dropped by a thread without the GIL.
struct Lender {
  Lender(AnyArray lent, std::shared_ptr<const void> until_then)
      : token(std::move(until_then)), array(std::make_unique<AnyArray>(std::move(lent))) {}
  Lender(const Lender&) = delete;
  Lender& operator=(const Lender&) = delete;
  ~Lender() {
    if (!nb::is_alive()) {  // Python is gone, and the array's owner with it
      static_cast<void>(array.release());
      return;
    }
    const nb::gil_scoped_acquire gil;
    array.reset();
  }
  std::shared_ptr<const void> token;  ///< first, and so let go last
  std::unique_ptr<AnyArray> array;
};

Tensor borrow(AnyArray array, DataType type, const std::shared_ptr<const void>& token) {
  Shape shape;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) shape.push_back(static_cast<std::int64_t>(array.shape(axis)));
  const auto* data = static_cast<const std::byte*>(array.data());
  if (shape.elements() == 0) return {type, shape};
  return {type, shape, std::make_shared<Lender>(std::move(array), token), data};
}

/// The same of a NumPy array.
Tensor borrow(nb::handle array, const TensorView& view, const std::shared_ptr<const void>& token) {
  if (view.shape.elements() == 0) return {view.type, view.shape};
  using Kept = std::pair<std::shared_ptr<const void>, std::shared_ptr<PyObject>>;  // the token first, as in Lender
  return {view.type, view.shape, std::make_shared<Kept>(token, shared(nb::borrow(array))), view.data};
}

DataType declared_type(const std::string& name, nb::handle value, const std::vector<TensorInfo>& declared) {
  for (const TensorInfo& info : declared)
    if (info.name == name) return info.type;
  for (const DataType type : {DataType::i64, DataType::s32, DataType::u8, DataType::s8, DataType::boolean})
    if (as_it_lies(value, type)) return type;
  return DataType::f32;
}

Tensor tensor_from(const std::string& name, nb::handle value, DataType type, const nb::object& convert,
                   const std::shared_ptr<const void>& token) {
  if (const std::optional<TensorView> view = numpy_view(value, type)) return borrow(value, *view, token);
  if (std::optional<AnyArray> array = as_it_lies(value, type)) return borrow(std::move(*array), type, token);
  const nb::object converted = convert(name, value, numpy_name(type));
  std::optional<AnyArray> array = as_it_lies(converted, type);
  if (!array) reject("input " + name, "cannot be read as an array", "give a NumPy array");
  return borrow(std::move(*array), type, token);
}

Tensor widened(const Tensor& tensor) {
  Tensor wide(DataType::f32, tensor.shape());
  const auto from = tensor.as<bfloat16>();
  const auto to = wide.mutable_as<float>();
  std::ranges::transform(from, to.begin(), [](bfloat16 value) { return static_cast<float>(value); });
  return wide;
}

nb::object extent_from(const std::string& extent) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(extent.data(), extent.data() + extent.size(), number);
  if (error == std::errc{} && end == extent.data() + extent.size()) return nb::int_(number);
  return nb::str(extent.c_str(), extent.size());
}

}  // namespace

std::shared_ptr<PyObject> shared(nb::object object) {
  return {object.release().ptr(), [](PyObject* pointer) {
            if (!nb::is_alive()) return;
            const nb::gil_scoped_acquire gil;
            Py_DECREF(pointer);
          }};
}

const char* numpy_name(DataType type) {
  switch (type) {
    case DataType::f32:
    case DataType::bf16: return "float32";
    case DataType::u8: return "uint8";
    case DataType::s8: return "int8";
    case DataType::s16: return "int16";
    case DataType::s32: return "int32";
    case DataType::i64: return "int64";
    case DataType::boolean: return "bool";
  }
  return "?";
}

TensorMap tensors_from(const nb::dict& feeds, const std::vector<TensorInfo>& declared, const nb::object& convert,
                       const std::shared_ptr<const void>& token) {
  TensorMap tensors;
  for (const auto& [key, value] : feeds) {
    std::string name;
    if (!nb::try_cast(key, name)) reject("inputs", "a key is not a str", "give a dict of names and arrays");
    const DataType type = declared_type(name, value, declared);
    Tensor tensor = tensor_from(name, value, type, convert, token);
    tensors.insert_or_assign(std::move(name), std::move(tensor));
  }
  return tensors;
}

nb::object array_over(const TensorView& view, nb::handle owner) {
  if (view.type == DataType::bf16) reject("view", "its elements are bf16, which NumPy does not have", "use run()");
  return numpy_array(view, nb::borrow(owner));
}

nb::object array_from(Tensor tensor) {
  if (tensor.type() == DataType::bf16) tensor = widened(tensor);
  auto owned = std::make_unique<Tensor>(std::move(tensor));
  const TensorView view = owned->view();
  const nb::capsule owner(owned.release(), [](void* pointer) noexcept { delete static_cast<Tensor*>(pointer); });
  return array_over(view, owner);
}

nb::dict dict_from(TensorMap tensors, const std::vector<TensorInfo>& order) {
  nb::dict arrays;
  for (const TensorInfo& info : order)
    if (const auto found = tensors.find(info.name); found != tensors.end())
      arrays[info.name.c_str()] = array_from(std::move(found->second));
  return arrays;
}

nb::list list_from(const std::vector<TensorInfo>& infos) {
  nb::list list;
  for (const TensorInfo& info : infos) {
    nb::list shape;
    for (const std::string& extent : info.shape) shape.append(extent_from(extent));
    list.append(nb::make_tuple(info.name, numpy_name(info.type), nb::tuple(shape)));
  }
  return list;
}

}  // namespace tessera::python
