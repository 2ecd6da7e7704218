// Dataset: items of real data, read one at a time. Calibration and scoring never hold more than one of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/tessera.hpp"

namespace tessera {

class Dataset {
 public:
  virtual ~Dataset() = default;

  [[nodiscard]] virtual std::int64_t size() const = 0;

  /// What the model takes for one item, each tensor with batch 1, named as the model's inputs. Error{invalid} naming
  /// the file or line that cannot be read.
  [[nodiscard]] virtual TensorMap item(std::int64_t index) const = 0;

  /// The class an item belongs to; nothing when the data has no labels.
  [[nodiscard]] virtual std::optional<std::int64_t> label(std::int64_t /*index*/) const { return std::nullopt; }

  /// The file or line of an item, for messages.
  [[nodiscard]] virtual std::string describe(std::int64_t index) const = 0;

  /// Items joined along the first axis; texts of different length are padded to the longest. Error{invalid} where items
  /// differ in shape.
  [[nodiscard]] virtual TensorMap batch(std::span<const std::int64_t> indices) const;

  /// What a user should know about this data: files left out, labels that cannot be trusted. One line each.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

}  // namespace tessera
