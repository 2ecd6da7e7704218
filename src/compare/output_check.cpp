#include "compare/output_check.hpp"

namespace tessera {

void OutputCheck::add(const Tensor& reference, const Tensor& output,
                      std::span<const std::optional<std::int64_t>> labels) {
  meter_.add(reference, output);
  hash_.add({output.data(), output.bytes()});
  labelled_ += static_cast<std::int64_t>(labels.size());
  right_ += rows_at_their_label(output, labels);
}

std::optional<double> OutputCheck::top1() const noexcept {
  if (labelled_ == 0) return std::nullopt;
  return static_cast<double>(right_) / static_cast<double>(labelled_);
}

}  // namespace tessera
