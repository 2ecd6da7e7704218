// Steps that put tensors side by side: the pixels of images, or runs of dense elements.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "run/image.hpp"

namespace tessera {

/// Images of one size, joined along their channels.
class ConcatImages final : public Step {
 public:
  ConcatImages(std::vector<Image> parts, const Image& y, std::uint8_t fill)
      : parts_(std::move(parts)), y_(y), fill_(fill) {}

  void run(const RunContext& context) const noexcept override;

 private:
  std::vector<Image> parts_;
  Image y_;
  std::uint8_t fill_;
};

/// `outer` times: the runs of all parts, one behind the other.
class ConcatRuns final : public Step {
 public:
  struct Part {
    BufferId buffer = no_buffer;
    std::size_t bytes = 0;  ///< of one run
  };
  ConcatRuns(std::vector<Part> parts, BufferId target, std::int64_t outer);

  void run(const RunContext& context) const noexcept override;

 private:
  std::vector<Part> parts_;
  BufferId target_;
  std::int64_t outer_;
  std::size_t bytes_ = 0;
};

}  // namespace tessera
