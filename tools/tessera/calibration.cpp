#include "calibration.hpp"

#include <memory>

#include "data/batches.hpp"
#include "data/open_dataset.hpp"

namespace tessera::tool {
namespace {

std::unique_ptr<Dataset> open(const std::string& path, const DatasetModel& model, const Context& context) {
  std::unique_ptr<Dataset> data = open_dataset(path, model);
  if (!context.quiet)
    for (const std::string& note : data->notes()) print_note(note);
  return data;
}

std::vector<TensorMap> read(const std::string& path, const DatasetModel& model, std::int64_t batch,
                            const Context& context) {
  const std::unique_ptr<Dataset> data = open(path, model, context);
  if (!context.quiet && data->size() > most_calibration_items)
    print_note("calibrating on " + std::to_string(most_calibration_items) + " of the " + std::to_string(data->size()) +
               " items of " + path);
  return read_batches(*data, model.inputs, batch, most_calibration_items);
}

}  // namespace

std::vector<TensorMap> read_calibration(const std::string& path, const std::string& model_path, const Model& model,
                                        std::int64_t batch, const Context& context) {
  if (path.empty()) return {};
  return read(path, dataset_model(model_path, model), batch, context);
}

std::vector<TensorMap> read_calibration_at(const std::map<std::string, std::int64_t>& extents, const std::string& path,
                                           const std::string& model_path, const Model& model, std::int64_t batch,
                                           const Context& context) {
  if (path.empty()) return {};
  return read(path, dataset_model(model_path, model, extents), batch, context);
}

std::unique_ptr<Dataset> open_data_at(const std::map<std::string, std::int64_t>& extents, const std::string& path,
                                      const std::string& model_path, const Model& model, const Context& context) {
  if (path.empty()) return nullptr;
  return open(path, dataset_model(model_path, model, extents), context);
}

}  // namespace tessera::tool
