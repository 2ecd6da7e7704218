#include "engine/padding.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include "core/error.hpp"
#include "engine/model_impl.hpp"

namespace tessera {
namespace {

/// Lengths are rounded up to this, so that a stream of texts does not need a plan for every length there is.
constexpr std::int64_t step_of_lengths = 8;

/// What a run costs beyond its tokens (weights come from memory, threads wait for each other), in tokens.
constexpr std::int64_t tokens_of_a_run = 32;

/// Fewer tokens of a thread do not repay reading the weights for it alone (batch_split.cpp): all threads share the
/// steps.
constexpr std::int64_t tokens_of_a_part = 128;

/// What threads that share every step take longer than threads with rows of their own: an eighth, where nothing else
/// runs beside them (decision 27), and more where they wait for one that has lost its CPU.
constexpr std::int64_t sharing = 8;

/// A run of so many rows, in tokens.
std::int64_t cost_of_run(std::int64_t rows, std::int64_t length, int threads) {
  const std::int64_t tokens = rows * length;
  std::int64_t shared = 0;
  if (threads > 1) {
    const std::int64_t rows_of_a_part = (tokens_of_a_part + length - 1) / length;
    shared = rows < threads * rows_of_a_part ? tokens : rows % threads * length;
  }
  return tokens + shared / sharing + tokens_of_a_run;
}

/// The names that a mask goes by.
constexpr std::array mask_names = {"attention_mask", "input_mask", "mask"};

[[noreturn]] void refuse_to_skip(const std::string& why) {
  reject("skip_padding", why, "leave out skip_padding (--skip-padding)");
}

const Value& mask_of(const Graph& graph) {
  for (const char* const name : mask_names)
    for (const ValueId id : graph.inputs)
      if (graph.value(id).name == name) return graph.value(id);
  refuse_to_skip("the model has no input called attention_mask, input_mask or mask");
}

template <typename T>
std::vector<std::int64_t> ends_of(const Tensor& mask) {
  const std::int64_t rows = mask.shape()[0], longest = mask.shape()[1];
  const T* row = mask.as<T>().data();
  std::vector<std::int64_t> ends;
  ends.reserve(static_cast<std::size_t>(rows));
  for (std::int64_t i = 0; i < rows; ++i, row += longest) {
    std::int64_t end = longest;
    while (end > 0 && row[end - 1] == T{}) --end;
    ends.push_back(end > 0 ? end : longest);
  }
  return ends;
}

/// Copies a block of these extents between the first corners of two arrays.
void copy_corner(const std::byte* from, std::span<const std::int64_t> from_extents, std::byte* to,
                 std::span<const std::int64_t> to_extents, std::span<const std::int64_t> block, std::size_t bytes) {
  const auto product = [bytes](std::span<const std::int64_t> extents) {
    std::size_t total = bytes;
    for (const std::int64_t extent : extents) total *= static_cast<std::size_t>(extent);
    return total;
  };
  if (block.empty()) {
    std::memcpy(to, from, bytes);
    return;
  }
  const auto inner = block.subspan(1), from_inner = from_extents.subspan(1), to_inner = to_extents.subspan(1);
  if (std::ranges::equal(inner, from_inner) && std::ranges::equal(inner, to_inner)) {
    std::memcpy(to, from, product(block));
    return;
  }
  for (std::int64_t i = 0; i < block[0]; ++i, from += product(from_inner), to += product(to_inner))
    copy_corner(from, from_inner, to, to_inner, inner, bytes);
}

/// The largest difference between numbers of two outputs of one shape, as a share of the largest number.
double difference(const Tensor& a, const Tensor& b) {
  if (a.type() != DataType::f32) return std::memcmp(a.data(), b.data(), a.bytes()) == 0 ? 0 : 1;
  double most = 0, largest = std::numeric_limits<double>::min();
  const auto x = a.as<float>(), y = b.as<float>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i])) largest = std::max(largest, std::abs(static_cast<double>(x[i])));
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) continue;
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) return 1;
    most = std::max(most, std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  }
  return most / largest;
}

/// Ones up to these lengths, then zeros.
Tensor mask_up_to(DataType type, std::int64_t longest, std::span<const std::int64_t> lengths) {
  Tensor ones(type, Shape{static_cast<std::int64_t>(lengths.size()), longest});
  const auto fill = [&](auto one) {
    const auto elements = ones.mutable_as<decltype(one)>();
    for (std::size_t row = 0; row < lengths.size(); ++row)
      std::fill_n(elements.data() + row * static_cast<std::size_t>(longest), lengths[row], one);
  };
  switch (type) {
    case DataType::i64: fill(std::int64_t{1}); break;
    case DataType::s32: fill(std::int32_t{1}); break;
    case DataType::f32: fill(1.0F); break;
    default: fill(std::uint8_t{1}); break;  // bool, the only other one that MaskedSequences takes
  }
  return ones;
}

TensorMap run_groups(const MaskedSequences& sequences, const TensorMap& inputs, std::span<const std::int64_t> lengths,
                     std::span<const LengthGroup> groups, const RunBatch& run) {
  TensorMap outputs;
  for (const LengthGroup& group : groups)
    sequences.put(run(sequences.part(inputs, group)), group, lengths, inputs, outputs);
  return outputs;
}

}  // namespace

std::vector<LengthGroup> group_by_length(std::span<const std::int64_t> lengths, std::int64_t longest, int threads) {
  std::map<std::int64_t, std::vector<std::int64_t>> by_length;
  for (std::size_t row = 0; row < lengths.size(); ++row) {
    const std::int64_t rounded = (lengths[row] + step_of_lengths - 1) / step_of_lengths * step_of_lengths;
    by_length[std::min(rounded, longest)].push_back(static_cast<std::int64_t>(row));
  }
  const std::vector<std::pair<std::int64_t, std::vector<std::int64_t>>> sorted(by_length.begin(), by_length.end());
  // best[i]: the cheapest way to run the i shortest lengths; its last group begins with length number first[i].
  std::vector<std::int64_t> best(sorted.size() + 1);
  std::vector<std::size_t> first(sorted.size() + 1);
  for (std::size_t end = 1; end <= sorted.size(); ++end) {
    best[end] = std::numeric_limits<std::int64_t>::max();
    std::int64_t rows = 0;
    for (std::size_t begin = end; begin-- > 0;) {
      rows += static_cast<std::int64_t>(sorted[begin].second.size());
      const std::int64_t cost = best[begin] + cost_of_run(rows, sorted[end - 1].first, threads);
      if (cost >= best[end]) continue;
      best[end] = cost;
      first[end] = begin;
    }
  }
  std::vector<LengthGroup> groups;
  for (std::size_t end = sorted.size(); end > 0; end = first[end]) {
    LengthGroup group{sorted[end - 1].first, {}};
    for (std::size_t i = first[end]; i < end; ++i)
      group.rows.insert(group.rows.end(), sorted[i].second.begin(), sorted[i].second.end());
    groups.push_back(std::move(group));
  }
  return groups;
}

MaskedSequences::MaskedSequences(const Graph& graph) {
  const Value& mask = mask_of(graph);
  const std::vector<Dim>& dims = mask.shape.dims;
  const std::string shape = std::string(name_of(mask.type)) + " " + to_string(mask.shape);
  if (dims.size() != 2 || !dims[0].symbolic() || !dims[1].symbolic() || dims[0] == dims[1])
    refuse_to_skip("input " + mask.name + " is " + shape + ", not one of any batch and any length");
  if (mask.type != DataType::i64 && mask.type != DataType::s32 && mask.type != DataType::f32 &&
      mask.type != DataType::boolean)
    refuse_to_skip("input " + mask.name + " is " + shape + ", which is no mask");
  mask_ = mask.name;
  batch_ = dims[0].symbol();
  sequence_ = dims[1].symbol();
  for (const ValueId id : graph.inputs)
    for (const Dim& dim : graph.value(id).shape.dims)
      if (dim.symbolic()) symbols_.push_back(dim.symbol());
  for (const ValueId id : graph.inputs) inputs_.push_back(port_of(graph.value(id), false));
  for (const ValueId id : graph.outputs) outputs_.push_back(port_of(graph.value(id), true));
}

MaskedSequences::Port MaskedSequences::port_of(const Value& value, bool is_output) const {
  Port port{value.name, {}};
  const std::string subject = (is_output ? "output " : "input ") + value.name + " " + to_string(value.shape);
  for (const Dim& dim : value.shape.dims) {
    const bool is_batch = dim.symbolic() && dim.symbol() == batch_;
    const bool is_sequence = dim.symbolic() && dim.symbol() == sequence_;
    // An expression may grow with the batch or the sequence in any way.
    if (!dim.known() && std::ranges::find(symbols_, dim.symbol()) == symbols_.end())
      refuse_to_skip(subject + " has an extent that is computed from others");
    if (is_batch && !port.axes.empty()) refuse_to_skip(subject + " has the batch elsewhere than in front");
    port.axes.push_back(is_batch ? Axis::batch : is_sequence ? Axis::sequence : Axis::other);
  }
  if (is_output && (port.axes.empty() || port.axes[0] != Axis::batch))
    refuse_to_skip(subject + " does not have the batch in front");
  return port;
}

std::vector<std::int64_t> MaskedSequences::lengths(const TensorMap& inputs) const {
  const Tensor& mask = inputs.at(mask_);
  switch (mask.type()) {
    case DataType::i64: return ends_of<std::int64_t>(mask);
    case DataType::s32: return ends_of<std::int32_t>(mask);
    case DataType::f32: return ends_of<float>(mask);
    default: return ends_of<std::uint8_t>(mask);  // bool: the constructor takes no others
  }
}

/// One row, or all of a tensor that has no batch: `length` elements of each axis that is the sequence.
void MaskedSequences::copy(const Port& port, const Tensor& from, std::int64_t from_row, Tensor& to, std::int64_t to_row,
                           std::int64_t length) {
  const bool by_row = !port.axes.empty() && port.axes[0] == Axis::batch;
  auto from_extents = from.shape().dims(), to_extents = to.shape().dims();
  const std::byte* source = from.data();
  std::byte* target = to.mutable_data();
  if (by_row) {
    source += from.bytes() / static_cast<std::size_t>(from_extents[0]) * static_cast<std::size_t>(from_row);
    target += to.bytes() / static_cast<std::size_t>(to_extents[0]) * static_cast<std::size_t>(to_row);
    from_extents = from_extents.subspan(1);
    to_extents = to_extents.subspan(1);
  }
  std::vector<std::int64_t> block(from_extents.begin(), from_extents.end());
  for (std::size_t i = 0; i < block.size(); ++i)
    if (port.axes[i + (by_row ? 1 : 0)] == Axis::sequence) block[i] = length;
  copy_corner(source, from_extents, target, to_extents, block, size_of(from.type()));
}

TensorMap MaskedSequences::part(const TensorMap& inputs, const LengthGroup& group) const {
  TensorMap taken;
  for (const Port& port : inputs_) {
    const Tensor& whole = inputs.at(port.name);
    Shape extents = whole.shape();
    for (std::size_t axis = 0; axis < extents.rank(); ++axis) {
      if (port.axes[axis] == Axis::batch) extents[axis] = static_cast<std::int64_t>(group.rows.size());
      if (port.axes[axis] == Axis::sequence) extents[axis] = group.length;
    }
    Tensor tensor(whole.type(), extents);
    const bool by_row = !port.axes.empty() && port.axes[0] == Axis::batch;
    for (std::size_t i = 0; i < (by_row ? group.rows.size() : 1); ++i)
      copy(port, whole, group.rows[i], tensor, static_cast<std::int64_t>(i), group.length);
    taken.emplace(port.name, std::move(tensor));
  }
  return taken;
}

void MaskedSequences::put(const TensorMap& made, const LengthGroup& group, std::span<const std::int64_t> lengths,
                          const TensorMap& inputs, TensorMap& outputs) const {
  const Shape& whole = inputs.at(mask_).shape();
  for (const Port& port : outputs_) {
    const Tensor& tensor = made.at(port.name);
    Tensor& target = outputs[port.name];
    if (target.empty()) {
      Shape extents = tensor.shape();
      for (std::size_t axis = 0; axis < extents.rank(); ++axis) {
        if (port.axes[axis] == Axis::batch) extents[axis] = whole[0];
        if (port.axes[axis] == Axis::sequence) extents[axis] = whole[1];
      }
      target = Tensor(tensor.type(), extents);
    }
    for (std::size_t i = 0; i < group.rows.size(); ++i)
      copy(port, tensor, static_cast<std::int64_t>(i), target, group.rows[i],
           lengths[static_cast<std::size_t>(group.rows[i])]);
  }
}

TensorMap run_without_padding(const MaskedSequences& sequences, const TensorMap& inputs, int threads,
                              const RunBatch& run) {
  const std::int64_t longest = inputs.at(sequences.mask()).shape()[1];
  const std::vector<std::int64_t> lengths = sequences.lengths(inputs);
  if (std::ranges::all_of(lengths, [longest](std::int64_t length) { return length == longest; })) return run(inputs);
  return run_groups(sequences, inputs, lengths, group_by_length(lengths, longest, threads), run);
}

void require_padding_ignored(const MaskedSequences& sequences, const Graph& graph, const RunBatch& run) {
  constexpr std::int64_t most = 16;
  constexpr double most_difference = 1e-4;  // sums of floats may go in another order
  std::vector<Binding> bindings = bindings_for(graph, {{sequences.batch_symbol(), 2}});
  std::int64_t longest = 0;
  for (Binding& binding : bindings)
    if (binding.symbol == sequences.sequence_symbol()) longest = binding.extent = std::min(most, binding.extent);
  if (longest < 2) return;  // there is no padding
  const std::vector<std::int64_t> lengths = {longest, std::max<std::int64_t>(1, longest / 3)};
  TensorMap inputs = make_random_inputs(graph, bindings, 1);
  Tensor& mask = inputs.at(sequences.mask());
  mask = mask_up_to(mask.type(), longest, lengths);
  const LengthGroup together{longest, {0, 1}};
  const std::vector<LengthGroup> apart = {{longest, {0}}, {lengths[1], {1}}};
  const TensorMap padded = run_groups(sequences, inputs, lengths, {&together, 1}, run);
  const TensorMap cut = run_groups(sequences, inputs, lengths, apart, run);
  for (const auto& [name, tensor] : padded)
    if (difference(tensor, cut.at(name)) > most_difference)
      refuse_to_skip("output " + name + " depends on what stands behind the end of a row");
}

}  // namespace tessera
