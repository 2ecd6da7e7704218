// Trained weights under the names that an architecture's builder asks for.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "hub/weight_files.hpp"
#include "models/weight_source.hpp"

namespace tessera {

class NamedWeights final : public WeightSource {
 public:
  /// `translate` turns a builder's name into that of the files.
  NamedWeights(const WeightFiles& files, std::function<std::string(const std::string&)> translate)
      : files_(files), translate_(std::move(translate)) {}

  Tensor tensor(const std::string& name, const Shape& shape, const Initial& initial) override;
  [[nodiscard]] bool trained() const noexcept override { return true; }

  [[nodiscard]] bool holds(const std::string& name) const { return shape_of(name) != nullptr; }
  [[nodiscard]] const Shape* shape_of(const std::string& name) const;
  /// An extent of a tensor that must be there. Error{invalid} naming it.
  [[nodiscard]] std::int64_t extent(const std::string& name, std::size_t axis) const;

  /// Error{invalid} naming the first tensor that nobody has asked for and that is `part_of` the network: a network with
  /// more to it than was built would give wrong results.
  void expect_all_used(const std::function<bool(const std::string& file_name)>& part_of) const;

 private:
  /// The name in the files: old checkpoints call the vectors of LayerNorm gamma and beta.
  [[nodiscard]] std::string file_name(const std::string& name) const;

  const WeightFiles& files_;
  std::function<std::string(const std::string&)> translate_;
  std::set<std::string> used_;
};

}  // namespace tessera
