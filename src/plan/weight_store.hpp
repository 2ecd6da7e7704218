// WeightStore: packed weights, made once and shared by every plan of a model that packs the same constant for the same
// kernel.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/memory.hpp"
#include "core/tensor.hpp"

namespace tessera {

using PackedWeight = std::shared_ptr<const AlignedBuffer>;

class WeightStore {
 public:
  /// The packed form of `source` called `form` (kernel name and geometry); made by `make` the first time. Thread-safe.
  PackedWeight get(const Tensor& source, const std::string& form, const std::function<AlignedBuffer()>& make);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    PackedWeight packed;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<const std::byte*, std::string>, Entry> entries_;
};

}  // namespace tessera
