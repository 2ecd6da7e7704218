// Plan: everything about running a graph that can be decided before the first input arrives: kernels, packed weights,
// layouts and the place of every buffer. Immutable and shareable between sessions.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/memory.hpp"
#include "run/step.hpp"
#include "tessera/data_type.hpp"
#include "tessera/isa.hpp"
#include "tessera/shape.hpp"

namespace tessera {

/// Where a buffer lives: at a fixed address (constant) or at an offset into the session's arena. Those of ports have no
/// place of their own.
struct BufferPlace {
  const std::byte* constant = nullptr;
  std::size_t offset = 0;
};

/// A graph input or output: dense row-major in its buffer, for which whoever runs the plan gives the memory.
struct Port {
  std::string name;
  DataType type = DataType::f32;
  Shape shape;
  BufferId buffer = no_buffer;

  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(type); }
};

/// Weights as a kernel reads them; plans share them.
using PackedWeight = std::shared_ptr<const AlignedBuffer>;

struct Plan {
  Isa isa = Isa::avx2;
  std::vector<std::unique_ptr<Step>> steps;
  std::vector<BufferPlace> buffers;
  std::vector<Port> inputs, outputs;
  std::size_t arena_bytes = 0;
  std::size_t scratch_bytes = 0;                        ///< per team member
  std::vector<PackedWeight> weights;                    ///< shared with other plans
  std::vector<std::shared_ptr<const void>> keep_alive;  ///< constants the buffers point into
};

}  // namespace tessera
