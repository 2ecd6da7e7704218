// Several models through the same cases on this machine: the whole report, as `tessera compare` and the Python package
// make it.
#pragma once

#include <cstdint>
#include <map>
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
  /// Real data for the accuracy, of the shapes of each point; none: other inputs.
  std::vector<std::shared_ptr<const Dataset>> data;
  std::string data_name;  ///< for people
};

/// `name`, or with a number behind it: two files of one name must not write one chart over the other.
std::string unique_name(const Report& report, const std::string& name);

/// All combinations of the values of `sweep`, the first symbol varying fastest, each with `extents` beside them.
std::vector<Extents> sweep_points(const Extents& extents,
                                  const std::map<std::string, std::vector<std::int64_t>>& sweep);
/// The one of them that int8 is calibrated at: the longest sequences, so that no text is cut shorter than one that
/// runs, and the first value of everything else.
Extents calibration_point(const std::vector<Extents>& points);

/// What a report calls the origin of a model that was loaded as `path_or_name`.
std::string source_of(const Model& model, const std::string& path_or_name);

/// `common` holds for every model; its calibration, data, and peak are set here, the peaks by measuring this machine.
/// Without `accuracy_inputs` accuracy is taken on all of a model's data, and on 8 inputs where it has none. `ceiling`:
/// as in plan_cases. What happens to a case is in its row; what concerns a model as a whole goes to events.failed.
Report compare_models(const std::vector<ComparedModel>& models, const ComparisonOptions& common,
                      std::optional<int> accuracy_inputs, std::optional<Isa> ceiling,
                      const ComparisonEvents& events = {});

}  // namespace tessera
