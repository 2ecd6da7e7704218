// Do arrays of a file fit a model?
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"

namespace tessera {

/// The number of samples: the first extent that all inputs' arrays share. Error{invalid} naming `origin` and the array
/// for one that is missing, of another type or shape, or none.
std::int64_t check_arrays(const std::map<std::string, Tensor>& arrays, const std::vector<TensorInfo>& inputs,
                          const std::string& origin);

/// Whether an array of that name would hold classes.
bool is_label_name(const std::string& name) noexcept;

/// Array "labels" or "label", one class for each sample; nothing where there is none or where it is an input of the
/// model.
std::optional<std::vector<std::int64_t>> labels_in(const std::map<std::string, Tensor>& arrays,
                                                   const std::vector<TensorInfo>& inputs, std::int64_t samples,
                                                   const std::string& origin);

}  // namespace tessera
