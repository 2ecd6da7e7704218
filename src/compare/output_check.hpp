// What the outputs of one case are worth over all items: against those of FP32, against the labels, and their hash.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "compare/sha256.hpp"
#include "quantize/accuracy.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

class OutputCheck {
 public:
  /// Outputs of one item; a label per row (last axis), or no labels at all. Error as AccuracyMeter::add.
  void add(const Tensor& reference, const Tensor& output, std::span<const std::optional<std::int64_t>> labels);

  [[nodiscard]] Accuracy accuracy() const noexcept { return meter_.result(); }
  /// Share of the rows whose largest element is their label; nothing without labels.
  [[nodiscard]] std::optional<double> top1() const noexcept;
  /// Of all outputs so far. Once.
  [[nodiscard]] std::string sha256() { return hash_.digits(); }

 private:
  AccuracyMeter meter_;
  Sha256 hash_;
  std::int64_t labelled_ = 0, right_ = 0;
};

}  // namespace tessera
