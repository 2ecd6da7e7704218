// Several models through the same cases on this machine: the whole report, as `tessera compare` and the Python package
// make it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compare/comparison.hpp"
#include "compare/report.hpp"
#include "data/dataset.hpp"
#include "tessera/isa.hpp"
#include "tessera/tessera.hpp"

namespace tessera {

/// A model with what belongs to it alone.
struct ComparedModel {
  Model model;
  std::string source;  ///< for people: a path, or that it is built in
  std::vector<TensorMap> calibration;
  std::shared_ptr<const Dataset> data;  ///< real data for the accuracy; none: other inputs
  std::string data_name;                ///< for people
};

/// What a report calls the origin of a model that was loaded as `path_or_name`.
std::string source_of(const Model& model, const std::string& path_or_name);

/// `common` holds for every model; its calibration, data, and peak are set here, the peaks by measuring this machine.
/// Without `accuracy_inputs` accuracy is taken on all of a model's data, and on 8 inputs where it has none. `ceiling`:
/// as in plan_cases. Throws what concerns a model as a whole; what happens to a case is in its row.
Report compare_models(const std::vector<ComparedModel>& models, const ComparisonOptions& common,
                      std::optional<int> accuracy_inputs, std::optional<Isa> ceiling,
                      const ComparisonEvents& events = {});

}  // namespace tessera
