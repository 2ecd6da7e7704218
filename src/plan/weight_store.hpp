// WeightStore: packed weights, made once and shared by every plan of a model that packs the same constant for the same
// kernel. A plan learns the addresses while it is built; the weights are packed at its end, all together, by threads
// that take one after the other, so that of the elements they are made from only a few are in memory at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/memory.hpp"
#include "core/tensor.hpp"

namespace tessera {

using PackedWeight = std::shared_ptr<const AlignedBuffer>;

class WeightStore {
 public:
  /// Writes the packed form of `source`, whose elements may lie anywhere, to zeroed memory.
  using Pack = std::function<void(const std::byte* source, std::byte* packed)>;

  /// The packed form of `source` called `form` (kernel name and geometry), `bytes` long. Its contents are there after
  /// pack(). Thread-safe.
  PackedWeight get(const Tensor& source, const std::string& form, std::size_t bytes, Pack pack);

  /// Returns when everything that was asked for has been packed, by this call with that many threads or by another.
  void pack(int threads);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    PackedWeight packed;
  };
  struct Job {
    Tensor source;
    std::shared_ptr<AlignedBuffer> packed;
    Pack pack;
  };
  void put_back(std::vector<Job> jobs);

  mutable std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, Entry> entries_;
  std::vector<Job> jobs_;  ///< asked for and not packed
  std::mutex packing_;     ///< held by the one call that packs
};

}  // namespace tessera
