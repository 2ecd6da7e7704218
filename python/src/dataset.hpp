// Items of real data: those of a folder or file, which Python reads, and those of Python, which the engine reads.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.hpp"
#include "tessera/tessera.hpp"

namespace tessera::python {

struct OpenDataset {
  std::shared_ptr<const Dataset> data;
  std::string name;                ///< for people
  std::vector<TensorInfo> inputs;  ///< of the model it is for
};

/// `size` items: item(i) gives a dict of arrays, one sample each; label(i) an int or None; `convert` as in
/// tensors_from.
OpenDataset items_from_python(const std::vector<TensorInfo>& inputs, std::int64_t size, nanobind::object item,
                              nanobind::object label, nanobind::object convert);

}  // namespace tessera::python
