// NumPy arrays as items: the first axis counts them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.hpp"

namespace tessera {

/// Arrays by name.
using Arrays = std::map<std::string, Tensor>;

class ArrayDataset : public Dataset {
 public:
  /// An .npz file with one array per input of the model; an .npy file for a model of one input; a folder of such files
  /// in the order of their names, or of one .npy per input. Arrays "labels" or "label" hold classes; other arrays are
  /// left out. Of a folder of .npz one file is in memory at a time. Error{invalid} naming the file and the array that
  /// does not fit.
  ArrayDataset(const std::string& path, std::vector<TensorInfo> inputs);
  /// Arrays that are in memory already; `origin` stands for the file in messages.
  ArrayDataset(const Arrays& arrays, std::vector<TensorInfo> inputs, const std::string& origin);

  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] TensorMap item(std::int64_t index) const override;
  [[nodiscard]] std::optional<std::int64_t> label(std::int64_t index) const override;
  [[nodiscard]] std::string describe(std::int64_t index) const override;

 private:
  /// A file, or the files of a folder that belong together, and its items.
  struct Part {
    std::string origin;
    std::vector<std::string> files;
    std::int64_t first = 0, count = 0;
  };

  void add_part(const std::string& origin, std::vector<std::string> files);
  [[nodiscard]] std::shared_ptr<const Arrays> load(const Part& part) const;
  [[nodiscard]] bool is_read(const std::string& name) const;  ///< by this dataset
  [[nodiscard]] const Part& part_of(std::int64_t index) const;
  [[nodiscard]] std::shared_ptr<const Arrays> arrays_of(const Part& part) const;

  std::vector<TensorInfo> inputs_;
  std::vector<Part> parts_;
  std::int64_t size_ = 0;
  std::vector<std::int64_t> labels_;  ///< empty, or one for each item

  mutable std::mutex mutex_;  ///< guards the part that was read last
  mutable const Part* loaded_ = nullptr;
  mutable std::shared_ptr<const Arrays> arrays_;
};

/// True for a file that begins as .npz or .npy files do.
bool is_array_file(const std::string& path);

}  // namespace tessera
