#include "data/items.hpp"

#include <algorithm>
#include <vector>

#include "core/error.hpp"

namespace tessera {

ItemSource items_of(const Dataset& data, const std::string& path, std::int64_t most, std::int64_t batch) {
  const std::int64_t rows = std::max<std::int64_t>(batch, 1);
  const std::int64_t samples = most > 0 && most < data.size() ? most : data.size();
  if (samples < rows)
    reject(path, std::to_string(samples) + " samples do not fill the model's batch of " + std::to_string(rows),
           "give more");
  const std::int64_t used = samples / rows * rows;
  const auto at = [used, all = data.size()](std::int64_t i) { return i * all / used; };
  const auto item = [&data, at, rows](std::int64_t i) {
    if (rows == 1) return data.item(at(i));
    std::vector<std::int64_t> indices;
    indices.reserve(static_cast<std::size_t>(rows));
    for (std::int64_t r = 0; r < rows; ++r) indices.push_back(at(i * rows + r));
    return data.batch(indices);
  };
  return {used / rows, item, [&data, at](std::int64_t i) { return data.label(at(i)); }, rows};
}

}  // namespace tessera
