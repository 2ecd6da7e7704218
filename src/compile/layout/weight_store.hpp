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
  /// What a look at elements that may lie anywhere finds out.
  using Find = std::function<std::vector<double>(const std::byte* elements)>;

  /// The packed form of `source` called `form` (what kernels read, and geometry), `bytes` long. Its contents are there
  /// after pack(). Thread-safe.
  PackedWeight get(const Tensor& source, const std::string& form, std::size_t bytes, Pack pack);

  /// The same, of a length that is known after pack(); until then the buffer is empty.
  PackedWeight get(const Tensor& source, const std::string& form, Make make);

  /// The answer to `question` (what is asked, and geometry) about the elements of `source`: found once, remembered for
  /// the plans of other extents. Thread-safe.
  std::vector<double> fact(const Tensor& source, const std::string& question, const Find& find);

  /// What is packed, and what was found: for a file, and back from it. put() leaves alone what is there already.
  struct Packed {
    Tensor source;
    std::string form;
    PackedWeight packed;
  };
  struct Found {
    Tensor source;
    std::string question;
    std::vector<double> found;
  };
  [[nodiscard]] std::vector<Packed> all_packed() const;
  [[nodiscard]] std::vector<Found> all_found() const;
  void put(const Packed& packed);
  void put(const Found& found);

  /// Returns when everything that was asked for has been packed, by this call with that many threads or by another.
  void pack(int threads);

  [[nodiscard]] std::size_t bytes() const;

 private:
  using Key = std::pair<const void*, std::string>;  ///< identity of a tensor; form or question
  using Look = std::function<void(const std::byte* elements)>;
  struct Entry {
    Tensor source;  ///< keeps the key's address from being reused
    PackedWeight packed;
  };
  struct Fact {
    Tensor source;  ///< likewise
    std::vector<double> found;
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
  std::map<Key, Entry> entries_;
  std::map<Key, Fact> facts_;
  std::vector<Job> jobs_;           ///< asked for and not packed
  std::size_t unpacked_bytes_ = 0;  ///< of what jobs_ will write
  BufferRegion region_;             ///< of what is asked for until the next pack()
  std::mutex packing_;              ///< held by the one call that packs
};

}  // namespace tessera
