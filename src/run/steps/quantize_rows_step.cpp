#include "run/steps/quantize_rows_step.hpp"

#include <string>

namespace tessera {
namespace {

/// Rows are shared among members; a row is one member's, so its scale does not depend on how many there are.
class QuantizeRowsStep final : public Step {
 public:
  QuantizeRowsStep(const VectorKernels& kernels, DataType type, BufferId source, const QuantizedRows& target,
                   std::int64_t rows, std::int64_t columns)
      : kernel_(kernels.quantize_rows), type_(type), source_(source), target_(target), rows_(rows), columns_(columns) {}

  void run(const RunContext& context) const noexcept override {
    const Range range = share(rows_, context.member, context.members);
    if (range.first == range.last) return;
    const std::int64_t stride = columns_ * static_cast<std::int64_t>(size_of(type_));
    QuantizeRowsCall call;
    call.x = {context.at(source_) + range.first * stride, stride, type_, {}};
    call.y_stride = columns_ + target_.rows.gap;
    call.y = context.at(target_.rows.buffer) + range.first * call.y_stride;
    call.scales = reinterpret_cast<float*>(context.at(target_.scales)) + range.first;
    call.rows = range.last - range.first;
    call.n = columns_;
    kernel_(call);
  }

 private:
  void (*kernel_)(const QuantizeRowsCall&);
  DataType type_;
  BufferId source_;
  QuantizedRows target_;
  std::int64_t rows_, columns_;
};

}  // namespace

std::unique_ptr<Step> make_quantize_rows(const VectorKernels& kernels, DataType type, BufferId source,
                                         const QuantizedRows& target, std::int64_t rows, std::int64_t columns) {
  auto step = std::make_unique<QuantizeRowsStep>(kernels, type, source, target, rows, columns);
  step->info = {"",
                "QuantizeRows",
                "quantize_rows",
                std::string(name_of(kernels.isa)),
                std::string(name_of(type)) + "->u8",
                "",
                0,
                0};
  return step;
}

}  // namespace tessera
