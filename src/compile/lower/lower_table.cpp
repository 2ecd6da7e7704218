// Gather of rows of a table that lies in a file: the rows are read when they are wanted. Mapped instead, the table
// would come into memory with every row that was ever read and 64 KiB around it, which the system puts there unasked.
#include <memory>
#include <string>
#include <utility>

#include "compile/lower/lower.hpp"
#include "core/deferred_tensor.hpp"
#include "core/error.hpp"
#include "ops/helpers.hpp"

namespace tessera {
namespace {

struct Indices {
  BufferId buffer = no_buffer;
  DataType type = DataType::i64;
  Shape shape;
};

class TableStep final : public Step {
 public:
  TableStep(const Node& node, const Tensor& table, Indices indices, BufferId target)
      : node_(node),
        rows_(table.shape()[0]),
        row_bytes_(table.bytes() / static_cast<std::size_t>(rows_)),
        source_(parts_of(table)),
        indices_(std::move(indices)),
        target_(target) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(indices_.shape.elements(), context.member, context.members);
    try {
      read(context, range);
    } catch (...) {
      // An index out of range, or a file that is gone: the session throws it after the inference.
      if (context.failure != nullptr && *context.failure == nullptr) *context.failure = std::current_exception();
    }
  }

 private:
  /// Rows that follow each other are read together, as those of positions are.
  void read(const RunContext& context, const Range& range) const {
    const TensorView indices{indices_.type, indices_.shape, context.at(indices_.buffer)};
    std::byte* const target = context.at(target_);
    for (std::int64_t i = range.first, next = i; i < range.last; i = next) {
      const std::int64_t first = row_of(indices, i);
      for (next = i + 1; next < range.last && row_of(indices, next) == first + (next - i);) ++next;
      const std::size_t bytes = static_cast<std::size_t>(next - i) * row_bytes_;
      if (!source_->read_part(static_cast<std::size_t>(first) * row_bytes_,
                              {target + static_cast<std::size_t>(i) * row_bytes_, bytes}))
        fail("node " + node_.name + " (Gather)", "the file of the model can no longer be read",
             "keep the file in its place while the model is used");
    }
  }

  [[nodiscard]] std::int64_t row_of(const TensorView& indices, std::int64_t i) const {
    const std::int64_t index = integer_at(indices, i);
    if (index < -rows_ || index >= rows_)
      node_error(node_,
                 "index " + std::to_string(index) + " is outside the " + std::to_string(rows_) + " entries of axis 0",
                 "check the values of the model's inputs");
    return index < 0 ? index + rows_ : index;
  }

  Node node_;
  std::int64_t rows_;
  std::size_t row_bytes_;
  std::shared_ptr<const ElementSource> source_;
  Indices indices_;
  BufferId target_;
};

}  // namespace

bool lower_table(Builder& builder, const Node& node) {
  const Value& table = builder.value(node.inputs[0]);
  const Value& indices = builder.value(node.inputs[1]);
  if (!table.is_constant() || parts_of(table.constant) == nullptr || table.quantization || table.constant.bytes() == 0)
    return false;
  const std::int64_t axis = node.attribute_or<std::int64_t>("axis", 0);
  if (axis != 0 && axis + static_cast<std::int64_t>(table.constant.shape().rank()) != 0) return false;
  const BufferId where = builder.reference_input(node.inputs[1]);
  const BufferId target = builder.plain_output(node.outputs[0]);
  auto step = std::make_unique<TableStep>(node, table.constant,
                                          Indices{where, indices.type, builder.shape(node.inputs[1])}, target);
  step->info = {node.name, node.op, "rows of a file", "-", std::string(name_of(table.type)), "", 0, 0};
  builder.emit(std::move(step), {where}, {target});
  return true;
}

}  // namespace tessera
