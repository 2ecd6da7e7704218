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
#include "run/plan.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

class WeightStore {
 public:
  /// Writes the packed form of `source`, whose elements may lie anywhere, to zeroed memory.
  using Pack = std::function<void(const std::byte* source, std::byte* packed)>;
  /// Makes the packed form of `source`, whose length only its elements tell.
  using Make = std::function<AlignedBuffer(const std::byte* source)>;
  /// Looks at elements that may lie anywhere.
  using Look = std::function<void(const std::byte* elements)>;

  /// The packed form of `source` called `form` (kernel name and geometry), `bytes` long. Its contents are there after
  /// pack(). Thread-safe.
  PackedWeight get(const Tensor& source, const std::string& form, std::size_t bytes, Pack pack);

  /// The same, of a length that is known after pack(); until then the buffer is empty.
  PackedWeight get(const Tensor& source, const std::string& form, Make make);

  /// Elements are read once for all that is made from them: `look` is called with those of `source` when they are
  /// packed; again, should packing fail and be repeated. Thread-safe.
  void when_read(const Tensor& source, Look look);

  /// Returns when everything that was asked for has been packed, by this call with that many threads or by another.
  void pack(int threads);

  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    PackedWeight packed;
  };
  /// A constant and all that wants its elements.
  struct Job {
    Tensor source;
    std::vector<Look> looks;
  };
  AlignedBuffer new_buffer(std::size_t bytes);
  void add(const Tensor& source, Look look);
  void put_back(std::vector<Job> jobs);

  mutable std::mutex mutex_;
  std::map<std::pair<const void*, std::string>, Entry> entries_;
  std::vector<Job> jobs_;  ///< asked for and not packed
  BufferRegion region_;    ///< of what is asked for until the next pack()
  std::mutex packing_;     ///< held by the one call that packs
};

}  // namespace tessera
