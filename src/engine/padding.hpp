// Padding that is not computed (SessionOptions::skip_padding): the rows of a batch go through the model in groups of
// about one length, as its mask says, and their results are put together again.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.hpp"
#include "tessera/tensor_map.hpp"

namespace tessera {

/// Rows of a batch that run together, cut or padded to `length`.
struct LengthGroup {
  std::int64_t length = 0;
  std::vector<std::int64_t> rows;
};

/// Every row in one group that is as long as it or longer, none longer than `longest`; the longest group first. Few
/// groups, and few different lengths: a run costs more than its tokens, and a new length costs a plan. `threads`: of
/// the team that runs a group; as many rows as there are threads are worth some padding, since each thread takes its
/// own.
std::vector<LengthGroup> group_by_length(std::span<const std::int64_t> lengths, std::int64_t longest, int threads);

/// The batch and the sequence in the inputs and outputs of a model that takes a mask.
class MaskedSequences {
 public:
  /// Shapes are symbolic. Error{invalid} naming the input or output that cannot be cut.
  explicit MaskedSequences(const Graph& graph);

  [[nodiscard]] const std::string& mask() const noexcept { return mask_; }
  [[nodiscard]] const std::string& batch_symbol() const noexcept { return batch_; }
  [[nodiscard]] const std::string& sequence_symbol() const noexcept { return sequence_; }

  /// Of each row: up to the last element of its mask that is not 0; of a row without any: all of it.
  [[nodiscard]] std::vector<std::int64_t> lengths(const TensorMap& inputs) const;
  /// The inputs of the rows of a group.
  [[nodiscard]] TensorMap part(const TensorMap& inputs, const LengthGroup& group) const;
  /// Puts what a group made where its rows are in `outputs`, whose extents are those of `inputs`: up to the lengths of
  /// the rows. Outputs that are not there yet begin as zeros.
  void put(const TensorMap& made, const LengthGroup& group, std::span<const std::int64_t> lengths,
           const TensorMap& inputs, TensorMap& outputs) const;

 private:
  /// What each axis of an input or output is.
  enum class Axis : std::uint8_t { batch, sequence, other };
  struct Port {
    std::string name;
    std::vector<Axis> axes;
  };
  [[nodiscard]] Port port_of(const Value& value, bool is_output) const;
  static void copy(const Port& port, const Tensor& from, std::int64_t from_row, Tensor& to, std::int64_t to_row,
                   std::int64_t length);

  std::string mask_, batch_, sequence_;
  std::vector<std::string> symbols_;  ///< of all inputs
  std::vector<Port> inputs_, outputs_;
};

/// Runs inputs of one batch and length.
using RunBatch = std::function<TensorMap(const TensorMap& inputs)>;

/// What `run`, on so many threads, makes of the inputs, with zeros behind the end of each row.
TensorMap run_without_padding(const MaskedSequences& sequences, const TensorMap& inputs, int threads,
                              const RunBatch& run);

/// Tries it: a short row beside a longer one, and on its own. Error{invalid} naming the output that differs: a model
/// whose results depend on what stands behind the mask (a mean over all positions, say) cannot be cut.
void require_padding_ignored(const MaskedSequences& sequences, const Graph& graph, const RunBatch& run);

}  // namespace tessera
