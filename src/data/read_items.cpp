#include <memory>

#include "data/items.hpp"
#include "data/model_inputs.hpp"
#include "data/open_dataset.hpp"
#include "tessera/data.hpp"

namespace tessera {

ItemSource read_items(const std::string& path, const Model& model, const std::string& model_path,
                      const DataOptions& options) {
  std::map<std::string, std::int64_t> extents = options.extents;
  const auto asked = extents.find("batch");
  const std::int64_t batch = fixed_batch(model.inputs()).value_or(asked == extents.end() ? 1 : asked->second);
  extents.erase("batch");
  const DatasetModel bound =
      extents.empty() ? dataset_model(model_path, model) : dataset_model(model_path, model, extents);
  const std::shared_ptr<const Dataset> data = open_dataset(path, bound);
  ItemSource items = items_of(*data, path, options.most, batch);
  // The source refers to the data set; now it owns it, too.
  items.item = [data, item = std::move(items.item)](std::int64_t index) { return item(index); };
  items.label = [data, label = std::move(items.label)](std::int64_t index) { return label(index); };
  return items;
}

}  // namespace tessera
