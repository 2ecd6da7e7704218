#include "compile/layout/builder.hpp"

#include <algorithm>
#include <string_view>

#include "core/checked_size.hpp"
#include "core/deferred_tensor.hpp"
#include "core/error.hpp"
#include "ops/convolution.hpp"
#include "ops/window.hpp"
#include "run/steps/image_steps.hpp"
#include "run/steps/quantize_rows_step.hpp"
#include "run/steps/row_steps.hpp"

namespace tessera {
namespace {

/// Pools of images; the global average also takes other ranks, which plain code does.
bool is_pool(const Graph& graph, const Node& node) {
  const bool pools = node.op == "MaxPool" || node.op == "AveragePool" || node.op == "GlobalAveragePool";
  return pools && graph.value(node.inputs[0]).shape.rank() == 4;
}

Halo halo_of(const Graph& graph, const Node& node) {
  const Shape x = graph.value(node.inputs[0]).shape.to_shape();
  const Shape w = graph.value(node.inputs[1]).shape.to_shape();
  const Window window = window_of(node, x[2], x[3], w[2], w[3]);
  return {window.pad_top, window.pad_left, window.pad_bottom, window.pad_right};
}

/// With its border, which comes from attributes: the sizes of values are known to be sane, this one is not.
void refuse_absurd_image(const Image& image, const std::string& name) {
  checked_bytes(
      {image.count, image.height + image.halo.top + image.halo.bottom, image.width + image.halo.left + image.halo.right,
       image.channels, static_cast<std::int64_t>(size_of(image.type))},
      "tensor " + name + " with its padding");
}

/// In memory of our own: what a reader hands out may end at the end of a mapped file.
Tensor padded_copy(const Tensor& tensor) {
  Tensor copy(tensor.type(), tensor.shape());
  std::copy_n(tensor.data(), tensor.bytes(), copy.mutable_data());
  return copy;
}

/// What keeps a constant's memory alive inside the plan.
std::shared_ptr<const void> owner_of(const Tensor& tensor) {
  return std::make_shared<const Tensor>(tensor);
}

}  // namespace

bool quantizes_at_run_time(const Value& x, const Value& weights) {
  return (x.type == DataType::f32 || x.type == DataType::bf16) && weights.is_constant() && weights.quantization;
}

Value as_integers(const Value& x, std::int32_t zero_point) {
  Value integers = x;
  integers.type = DataType::u8;
  integers.quantization = Quantization{{1.0F}, {zero_point}, -1};
  return integers;
}

Dequantize dequantization(const Value& value) {
  if (!value.quantization) return {};
  return {value.quantization->scale[0], value.quantization->zero_point[0]};
}

Requantize requantization(const Value& value) {
  if (!value.quantization) return {};
  return {value.quantization->scale[0], value.quantization->zero_point[0]};
}

std::uint8_t zero_byte(const Value& value) {
  return value.quantization ? static_cast<std::uint8_t>(value.quantization->zero_point[0]) : std::uint8_t{0};
}

Builder::Builder(const Graph& graph, Isa isa, WeightStore& weights, Chooser* chooser, EpilogueStore* epilogues)
    : graph_(graph),
      isa_(isa),
      weights_(weights),
      chooser_(chooser),
      shared_epilogues_(epilogues),
      machine_(chooser != nullptr && chooser->machine() != nullptr ? *chooser->machine() : usual_constants(isa)),
      plan_(std::make_shared<Plan>()),
      gaps_(row_gaps(graph, isa)),
      halos_(graph.values.size()),
      quantized_halos_(graph.values.size()),
      wanted_as_image_(graph.values.size()) {
  plan_->isa = isa;
  plan_layouts();
  for (const ValueId id : graph.inputs) {
    const Value& input = value(id);
    const Shape extents = shape(id);
    const BufferId buffer = new_buffer(static_cast<std::size_t>(extents.elements()) * size_of(input.type));
    plain_[id] = buffer;
    writers_[buffer] = -1;
    plan_->inputs.push_back({input.name, input.type, extents, buffer});
  }
}

void Builder::plan_layouts() {
  for (const Node& node : graph_.nodes) {
    if (!is_convolution(node) && !is_pool(graph_, node)) continue;
    const auto mark = [&](ValueId id, const Halo& halo) {
      const auto i = static_cast<std::size_t>(id);
      wanted_as_image_[i] = true;
      halos_[i] = max(halos_[i], halo);
    };
    const bool quantizes = is_convolution(node) && quantizes_at_run_time(value(node.inputs[0]), value(node.inputs[1]));
    mark(node.inputs[0], is_convolution(node) && !quantizes ? halo_of(graph_, node) : Halo{});
    if (quantizes) {
      Halo& halo = quantized_halos_[static_cast<std::size_t>(node.inputs[0])];
      halo = max(halo, halo_of(graph_, node));
    }
    if (node.op == "FusedConv" && node.has_input(3)) mark(node.inputs[3], {});
  }
}

BufferId Builder::new_buffer(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(largest_bytes))
    reject("plan", "a buffer is larger than any memory", "use a smaller batch, sequence or image");
  plan_->buffers.emplace_back();
  // Born now; inputs live from before the first step.
  lifetimes_.push_back({bytes, static_cast<int>(plan_->steps.size()), static_cast<int>(plan_->steps.size())});
  return static_cast<BufferId>(plan_->buffers.size() - 1);
}

BufferId Builder::constant_buffer(const Tensor& tensor) {
  plan_->buffers.push_back({tensor.data(), 0});
  lifetimes_.emplace_back();
  plan_->keep_alive.push_back(owner_of(tensor));
  return static_cast<BufferId>(plan_->buffers.size() - 1);
}

Image Builder::make_image(ValueId id, BufferId buffer) const {
  const Shape s = shape(id);
  const auto i = static_cast<std::size_t>(id);
  const Image image{buffer, value(id).type, s[0], s[2], s[3], s[1], halos_[i], gaps_.pixels[i]};
  refuse_absurd_image(image, value(id).name);
  return image;
}

BufferId Builder::plain_input(ValueId id) {
  if (const auto found = plain_.find(id); found != plain_.end()) return found->second;
  if (value(id).is_constant()) return plain_[id] = constant_buffer(padded_copy(value(id).constant));
  if (const auto spaced = spaced_.find(id); spaced != spaced_.end()) return close_gaps(id, spaced->second);
  const auto image = images_.find(id);
  if (image == images_.end()) fail("plan", "value " + value(id).name + " is used before it is computed");
  const BufferId buffer = plain_output(id);
  auto step = make_to_nchw(vector(), image->second, dequantization(value(id)), buffer);
  step->info.node = value(id).name;
  emit(std::move(step), {image->second.buffer}, {buffer});
  return buffer;
}

RowsPlace Builder::rows_input(ValueId id) {
  if (const auto found = spaced_.find(id); found != spaced_.end()) return found->second;
  return {plain_input(id)};
}

BufferId Builder::close_gaps(ValueId id, const RowsPlace& spaced) {
  const Shape s = shape(id);
  const DenseRows from{spaced.buffer, value(id).type, s.elements() / s.back(), s.back(), spaced.gap};
  const DenseRows to{plain_output(id), from.type, from.rows, from.n};
  auto step = std::make_unique<ConvertStep>(vector(), from, Dequantize{}, to, Requantize{});
  const std::string type(name_of(from.type));
  step->info = {value(id).name, "Reorder", "convert", std::string(name_of(vector().isa)), type + "->" + type, "", 0, 0};
  emit(std::move(step), {from.buffer}, {to.buffer});
  return to.buffer;
}

BufferId Builder::reference_input(ValueId id) {
  if (!value(id).is_constant()) return plain_input(id);
  const auto [entry, fresh] = constants_.try_emplace(id, no_buffer);
  if (fresh) entry->second = constant_buffer(value(id).constant);
  return entry->second;
}

BufferId Builder::table_input(ValueId id) {
  if (!value(id).is_constant()) return plain_input(id);
  BorrowedElements elements = borrow(value(id).constant);
  plan_->buffers.push_back({elements.data, 0});
  lifetimes_.emplace_back();
  plan_->keep_alive.push_back(std::move(elements.owner));
  return static_cast<BufferId>(plan_->buffers.size() - 1);
}

Image Builder::image_input(ValueId id) {
  if (const auto found = images_.find(id); found != images_.end()) return found->second;
  const BufferId source = plain_input(id);
  const Image image = image_output(id);
  auto step = make_to_nhwc(vector(), source, value(id).type, requantization(value(id)), image, zero_byte(value(id)));
  step->info.node = value(id).name;
  emit(std::move(step), {source}, {image.buffer});
  return image;
}

BufferId Builder::plain_output(ValueId id) {
  const std::size_t bytes = static_cast<std::size_t>(shape(id).elements()) * size_of(value(id).type);
  return plain_[id] = new_buffer(bytes);
}

RowsPlace Builder::rows_output(ValueId id) {
  const std::int64_t gap = gaps_.rows[static_cast<std::size_t>(id)];
  if (gap == 0) return {plain_output(id)};
  const Shape s = shape(id);
  const std::int64_t row_bytes = s.back() * static_cast<std::int64_t>(size_of(value(id).type)) + gap;
  return spaced_[id] = {new_buffer(static_cast<std::size_t>(s.elements() / s.back() * row_bytes)), gap};
}

Image Builder::image_output(ValueId id) {
  Image image = make_image(id, no_buffer);
  image.buffer = new_buffer(static_cast<std::size_t>(image.bytes()));
  images_[id] = image;
  // One pixel without a border is the same bytes either way.
  if (image.height == 1 && image.width == 1 && !image.halo.any() && image.gap == 0) plain_[id] = image.buffer;
  return image;
}

QuantizedRows Builder::quantized_rows(ValueId id, std::int64_t rows, std::int64_t columns) {
  if (const auto found = rows_.find(id); found != rows_.end()) return found->second;
  const BufferId source = plain_input(id);
  const std::int64_t gap = gap_behind(columns, isa_);
  const QuantizedRows made{{new_buffer(static_cast<std::size_t>(rows * (columns + gap))), gap},
                           new_buffer(static_cast<std::size_t>(rows) * sizeof(float))};
  auto step = make_quantize_rows(vector(), value(id).type, source, made, rows, columns);
  step->info.node = value(id).name;
  emit(std::move(step), {source}, {made.rows.buffer, made.scales});
  return rows_[id] = made;
}

QuantizedImage Builder::quantized_image(ValueId id) {
  if (const auto found = quantized_images_.find(id); found != quantized_images_.end()) return found->second;
  FloatSource source{no_buffer, {}, shape(id).elements(), value(id).type};
  if (is_image(id) || source.type != DataType::f32) {
    source.image = image_input(id);
    source.buffer = source.image.buffer;
    source.elements = source.image.bytes() / static_cast<std::int64_t>(size_of(source.type));  // a border of zeros
  } else {
    source.buffer = plain_input(id);
  }
  Image image = make_image(id, no_buffer);
  image.halo = quantized_halos_[static_cast<std::size_t>(id)];
  refuse_absurd_image(image, value(id).name);
  return quantized_images_[id] = quantize_as(source, image, value(id).name);
}

QuantizedImage Builder::quantized_matrix(ValueId id, std::int64_t rows, std::int64_t columns) {
  if (const auto found = quantized_matrices_.find(id); found != quantized_matrices_.end()) return found->second;
  const DataType type = value(id).type;
  const BufferId x = plain_input(id);
  const FloatSource source{x, Image{x, type, 1, rows, 1, columns, {}, 0}, rows * columns, type};
  const Image image{no_buffer, type, 1, rows, 1, columns, {}, gap_behind(columns, isa_)};
  return quantized_matrices_[id] = quantize_as(source, image, value(id).name);
}

QuantizedImage Builder::quantize_as(const FloatSource& source, Image image, const std::string& name) {
  const BufferId range = new_buffer(range_bytes());
  auto find_range = make_range(vector(), source, range);
  find_range->info.node = name;
  emit(std::move(find_range), {source.buffer}, {range});
  image.type = DataType::u8;
  image.buffer = new_buffer(static_cast<std::size_t>(image.bytes()));
  const QuantizedImage made{image, new_buffer(sizeof(Dequantize))};
  auto quantize = make_quantize_tensor(vector(), source, range, made);
  quantize->info.node = name;
  emit(std::move(quantize), {source.buffer, range}, {made.image.buffer, made.parameters});
  return made;
}

void Builder::alias_output(ValueId source, ValueId target) {
  plain_[target] = plain_input(source);
}

bool Builder::alias_pixels(ValueId source, ValueId target) {
  const auto image = images_.find(source);
  if (image == images_.end() || image->second.halo.any()) return false;
  plain_[target] = image->second.buffer;
  return true;
}

bool Builder::alias_as_image(ValueId source, ValueId target) {
  const auto i = static_cast<std::size_t>(target);
  const DataType type = value(target).type;
  const bool pixels = type == DataType::f32 || type == DataType::bf16 || type == DataType::u8;
  if (!pixels || !wanted_as_image_[i] || halos_[i].any() || is_image(source)) return false;
  images_[target] = make_image(target, plain_input(source));
  return true;
}

std::size_t Builder::choose(const Node& node, const Choice& choice) {
  if (choice.ways.size() < 2) return choice.usual;
  StepChoice made = chooser_ != nullptr ? chooser_->choose(graph_, node, choice) : usual_choice(choice);
  const auto taken = std::ranges::find(choice.ways, made.taken);
  if (taken == choice.ways.end()) fail("plan", "there is no way to compute " + node.name + " as " + made.taken);
  choices_.push_back(std::move(made));
  return static_cast<std::size_t>(taken - choice.ways.begin());
}

void Builder::emit(std::unique_ptr<Step> step, std::vector<BufferId> reads, std::vector<BufferId> writes) {
  const int index = static_cast<int>(plan_->steps.size());
  for (const std::vector<BufferId>* list : {&reads, &writes})
    for (const BufferId id : *list)
      if (id != no_buffer) lifetimes_[static_cast<std::size_t>(id)].last = index;
  for (const BufferId id : reads)
    if (const auto writer = writers_.find(id); writer != writers_.end()) step->info.reads.push_back(writer->second);
  for (const BufferId id : writes) {
    if (id == no_buffer) continue;
    writers_[id] = index;
    // Earlier than the buffer was asked for, where the step takes the place of one that was taken back.
    Lifetime& lifetime = lifetimes_[static_cast<std::size_t>(id)];
    lifetime.first = std::min(lifetime.first, index);
  }
  plan_->scratch_bytes = std::max(plan_->scratch_bytes, step->scratch_bytes());
  plan_->steps.push_back(std::move(step));
}

std::unique_ptr<Step> Builder::take_back() {
  std::unique_ptr<Step> step = std::move(plan_->steps.back());
  plan_->steps.pop_back();
  return step;
}

BufferId Builder::keep_as_buffer(std::shared_ptr<const AlignedBuffer> buffer) {
  plan_->buffers.push_back({keep(std::move(buffer), false), 0});
  lifetimes_.emplace_back();
  return static_cast<BufferId>(plan_->buffers.size() - 1);
}

const std::byte* Builder::keep(std::shared_ptr<const AlignedBuffer> buffer, bool is_weight) {
  const std::byte* data = buffer->data();
  if (is_weight)
    plan_->weights.push_back(std::move(buffer));
  else
    plan_->keep_alive.push_back(std::move(buffer));
  return data;
}

std::shared_ptr<const Plan> Builder::finish() {
  for (const ValueId id : graph_.outputs) {
    const BufferId buffer = plain_input(id);
    plan_->outputs.push_back({value(id).name, value(id).type, shape(id), buffer});
  }
  // Inputs and outputs live outside the arena, all the time: whoever runs the plan says where.
  for (const std::vector<Port>* ports : {&plan_->inputs, &plan_->outputs})
    for (const Port& port : *ports) lifetimes_[static_cast<std::size_t>(port.buffer)].bytes = 0;
  const ArenaLayout layout = plan_arena(lifetimes_);
  for (std::size_t i = 0; i < plan_->buffers.size(); ++i) plan_->buffers[i].offset = layout.offsets[i];
  plan_->arena_bytes = layout.bytes;
  return plan_;
}

}  // namespace tessera
