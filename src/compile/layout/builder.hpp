// Builder: the state of planning. Lowering functions (lower_*.cpp) ask it for the operands of a node in the layout
// their kernels want and emit steps; it inserts reorders where producer and consumer disagree, and records the
// lifetimes of buffers.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "compile/choose/chooser.hpp"
#include "compile/layout/epilogue_store.hpp"
#include "compile/layout/memory_planner.hpp"
#include "compile/layout/row_gaps.hpp"
#include "compile/layout/weight_store.hpp"
#include "kernels/types.hpp"
#include "kernels/vector_kernels.hpp"
#include "run/image.hpp"
#include "run/plan.hpp"
#include "run/quantized.hpp"
#include "run/steps/quantize_tensor_step.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

class Builder {
 public:
  /// Without a chooser every choice is the usual one. Without `epilogues`, which belong to plans of this graph for all
  /// its extents, the builder keeps some of its own.
  Builder(const Graph& graph, Isa isa, WeightStore& weights, Chooser* chooser = nullptr,
          EpilogueStore* epilogues = nullptr);

  [[nodiscard]] const Graph& graph() const noexcept { return graph_; }
  [[nodiscard]] Isa isa() const noexcept { return isa_; }
  [[nodiscard]] const VectorKernels& vector() const noexcept { return vector_kernels(isa_); }
  [[nodiscard]] const Value& value(ValueId id) const { return graph_.value(id); }
  [[nodiscard]] Shape shape(ValueId id) const { return value(id).shape.to_shape(); }

  /// The value dense and row-major (NCHW): as it is, a copy of a constant, or through a reorder that this call emits.
  /// Kernels may over-read it (core/memory.hpp: buffer_slack).
  BufferId plain_input(ValueId id);
  /// The same for plain code, which reads no further than the end: a constant stays where the reader left it.
  BufferId reference_input(ValueId id);
  /// The same for code that takes the elements at any alignment, and but few of them: a large table stays in its file.
  BufferId table_input(ValueId id);
  /// A constant that lowering has made, for plain code.
  BufferId constant_input(const Tensor& tensor) { return constant_buffer(tensor); }
  /// The value as rows of its last axis, dense or not: for what takes rows at any distance.
  RowsPlace rows_input(ValueId id);
  /// The value as NHWC with at least the halo all its convolutions need; likewise.
  Image image_input(ValueId id);
  /// Where the node that is being lowered has to leave an output.
  BufferId plain_output(ValueId id);
  RowsPlace rows_output(ValueId id);
  Image image_output(ValueId id);
  /// A f32 or bf16 matrix as u8 rows around 128 with a scale each; made by the first call, which emits the step.
  QuantizedRows quantized_rows(ValueId id, std::int64_t rows, std::int64_t columns);
  /// The same with one scale and zero point for all of it, as DynamicQuantizeLinear has it: a pixel for each row.
  QuantizedImage quantized_matrix(ValueId id, std::int64_t rows, std::int64_t columns);
  /// A f32 or bf16 tensor as a u8 image with the halo its convolutions need; likewise.
  QuantizedImage quantized_image(ValueId id);
  /// Memory between the steps of one node.
  BufferId buffer_within(std::size_t bytes) { return new_buffer(bytes); }
  /// `target` is `source` under another shape: no step, no memory.
  void alias_output(ValueId source, ValueId target);
  /// `target` [N, H, W, C] is `source` [N, C, H, W], which has to lie as an image without a border; likewise. False
  /// where it does not.
  bool alias_pixels(ValueId source, ValueId target);
  /// The way back, where `target` is wanted as an image and needs no border.
  bool alias_as_image(ValueId source, ValueId target);

  /// Whether the value exists as NHWC so far (its producer made it so), and whether some convolution or pool wants it
  /// so.
  [[nodiscard]] bool is_image(ValueId id) const { return images_.contains(id); }
  [[nodiscard]] bool wanted_as_image(ValueId id) const { return wanted_as_image_[static_cast<std::size_t>(id)]; }

  /// Index of the way to take; remembered for take_choices(). One way alone is no choice.
  std::size_t choose(const Node& node, const Choice& choice);
  /// What was chosen since the last call: for the info of the step that it is about.
  std::vector<StepChoice> take_choices() { return std::exchange(choices_, {}); }
  /// Whether somebody is asked, and wants to know what times depend on.
  [[nodiscard]] bool asks() const noexcept { return chooser_ != nullptr; }
  /// How many threads will run a step together; 1 where that is not known.
  [[nodiscard]] int members() const noexcept { return chooser_ != nullptr ? chooser_->members() : 1; }

  /// What rules weigh times with where bits do not depend on it.
  [[nodiscard]] const MachineConstants& machine() const noexcept { return machine_; }

  /// Appends a step that reads and writes these buffers.
  void emit(std::unique_ptr<Step> step, std::vector<BufferId> reads, std::vector<BufferId> writes);
  /// The step that was emitted last; null before the first.
  [[nodiscard]] Step* last_step() noexcept { return plan_->steps.empty() ? nullptr : plan_->steps.back().get(); }
  /// All so far.
  [[nodiscard]] std::span<const std::unique_ptr<Step>> steps() const noexcept { return plan_->steps; }
  /// Takes the step that was emitted last back, for another in its place.
  std::unique_ptr<Step> take_back();
  /// A buffer that no step leaves to another takes no memory in the arena.
  void give_up(BufferId buffer) { lifetimes_[static_cast<std::size_t>(buffer)].bytes = 0; }
  /// A constant array the plan keeps, e.g. biases padded to whole panels. `shared` keeps the memory alive.
  const std::byte* keep(std::shared_ptr<const AlignedBuffer> buffer, bool is_weight);
  /// The same as a buffer that steps read.
  BufferId keep_as_buffer(std::shared_ptr<const AlignedBuffer> buffer);
  WeightStore& weights() noexcept { return weights_; }
  EpilogueStore& epilogues() noexcept { return shared_epilogues_ != nullptr ? *shared_epilogues_ : own_epilogues_; }

  std::shared_ptr<const Plan> finish();

 private:
  BufferId new_buffer(std::size_t bytes);
  BufferId constant_buffer(const Tensor& tensor);
  void plan_layouts();
  Image make_image(ValueId id, BufferId buffer) const;
  /// Emits the steps that find the range of a tensor and make integers of it in `image`, which has no buffer yet.
  QuantizedImage quantize_as(const FloatSource& source, Image image, const std::string& name);
  /// Copies rows with gaps to a dense buffer.
  BufferId close_gaps(ValueId id, const RowsPlace& spaced);

  const Graph& graph_;
  Isa isa_;
  WeightStore& weights_;
  Chooser* chooser_;
  EpilogueStore* shared_epilogues_;
  EpilogueStore own_epilogues_;
  MachineConstants machine_;
  std::vector<StepChoice> choices_;
  std::shared_ptr<Plan> plan_;
  std::vector<Lifetime> lifetimes_;  // per buffer; unused for constants
  std::map<BufferId, int> writers_;  // the step that wrote a buffer last; -1: whoever runs the plan
  RowGaps gaps_;
  std::vector<Halo> halos_;                // per value: what its consumers need
  std::vector<Halo> quantized_halos_;      // the same of those that quantize it when they run
  std::vector<bool> wanted_as_image_;      // per value
  std::map<ValueId, BufferId> plain_;      // values available dense
  std::map<ValueId, BufferId> constants_;  // constants where the reader left them
  std::map<ValueId, Image> images_;        // values available as NHWC
  std::map<ValueId, RowsPlace> spaced_;    // values available as rows with gaps
  std::map<ValueId, QuantizedImage> quantized_images_, quantized_matrices_;
  std::map<ValueId, QuantizedRows> rows_;  // values available as integers that were chosen row by row
};

/// Whether a product quantizes its float X when it runs.
bool quantizes_at_run_time(const Value& x, const Value& weights);
/// What such a product reads in the place of X: u8 around `zero_point`, in units that the step multiplies by.
Value as_integers(const Value& x, std::int32_t zero_point);
/// How a value's integers stand for reals; the identity for float values.
Dequantize dequantization(const Value& value);
Requantize requantization(const Value& value);
/// The byte that stands for zero in this value: the zero point of u8, 0 otherwise.
std::uint8_t zero_byte(const Value& value);

}  // namespace tessera
