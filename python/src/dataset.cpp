#include "dataset.hpp"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "arrays.hpp"
#include "bindings.hpp"
#include "core/error.hpp"

namespace tessera::python {
namespace {

/// Items that Python functions supply, from whatever thread asks.
class PythonItems : public Dataset {
 public:
  PythonItems(std::vector<TensorInfo> inputs, std::int64_t size, nb::object item, nb::object label, nb::object convert)
      : inputs_(std::move(inputs)),
        size_(size),
        item_(shared(std::move(item))),
        label_(shared(std::move(label))),
        convert_(shared(std::move(convert))) {}

  [[nodiscard]] std::int64_t size() const override { return size_; }

  [[nodiscard]] TensorMap item(std::int64_t index) const override {
    const nb::gil_scoped_acquire gil;
    const nb::object given = nb::handle(item_.get())(index);
    if (!nb::isinstance<nb::dict>(given)) reject(describe(index), "is no dict of arrays", "give {input name: array}");
    TensorMap tensors = tensors_from(nb::borrow<nb::dict>(given), inputs_, nb::borrow(convert_.get()));
    for (const auto& [name, tensor] : tensors)
      if (tensor.shape().rank() == 0 || tensor.shape()[0] != 1)
        reject(describe(index), "'" + name + "' has shape " + to_string(tensor.shape()) + ", which is not one sample",
               "give each item with a first extent of 1");
    return tensors;
  }

  [[nodiscard]] std::optional<std::int64_t> label(std::int64_t index) const override {
    const nb::gil_scoped_acquire gil;
    const nb::object given = nb::handle(label_.get())(index);
    if (given.is_none()) return std::nullopt;
    return nb::cast<std::int64_t>(given);
  }

  [[nodiscard]] std::string describe(std::int64_t index) const override { return "item " + std::to_string(index); }

 private:
  std::vector<TensorInfo> inputs_;
  std::int64_t size_;
  std::shared_ptr<PyObject> item_, label_, convert_;
};

nb::dict item_of(const OpenDataset& dataset, std::int64_t index) {
  TensorMap tensors;
  {
    const nb::gil_scoped_release release;
    tensors = dataset.data->item(index);
  }
  return dict_from(std::move(tensors), dataset.inputs);
}

}  // namespace

void bind_dataset(nb::module_& module) {
  nb::class_<OpenDataset>(module, "Dataset")
      .def_ro("name", &OpenDataset::name)
      .def("size", [](const OpenDataset& dataset) { return dataset.data->size(); })
      .def("item", &item_of, nb::arg("index"))
      .def("label", [](const OpenDataset& dataset, std::int64_t index) { return dataset.data->label(index); })
      .def("describe", [](const OpenDataset& dataset, std::int64_t index) { return dataset.data->describe(index); })
      .def("notes", [](const OpenDataset& dataset) { return dataset.data->notes(); });
}

OpenDataset items_from_python(const std::vector<TensorInfo>& inputs, std::int64_t size, nb::object item,
                              nb::object label, nb::object convert) {
  return {std::make_shared<PythonItems>(inputs, size, std::move(item), std::move(label), std::move(convert)),
          "the items given", inputs};
}

}  // namespace tessera::python
