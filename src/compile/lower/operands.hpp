// What lowering functions ask about operands: lists that are known when a plan is made, and where elements lie.
#pragma once

#include <optional>
#include <vector>

#include "compile/layout/builder.hpp"
#include "ops/helpers.hpp"

namespace tessera {

/// The inputs of a node as its op's descriptions read them; the first without its elements.
struct KnownInputs {
  std::vector<Tensor> held;
  std::vector<TensorView> views;
};
/// Nothing where another input than the first is neither constant nor a list that is known by now.
std::optional<KnownInputs> known_inputs(const Builder& builder, const Node& node);

Strides in_bytes(Strides strides, std::int64_t width);
/// Bytes between neighbours along N, C, H and W.
Strides strides_of(const Image& image);

/// Where the elements of a value lie.
struct Source {
  BufferId buffer = no_buffer;
  std::int64_t base = 0;
  Strides strides{};  ///< in bytes
};
/// As an image where it is one, else dense.
Source source_of(Builder& builder, ValueId id);
/// The same for steps that copy bytes and read none beside them: a constant stays where it is.
Source copied_source_of(Builder& builder, ValueId id);

/// Types that the vector kernels read and write, and so images have.
bool is_kernel_type(DataType type);

/// Plain code knows no scale that integers are to be read by, and computes nothing in bf16. An op that does not ask for
/// a scale takes the integers as they are; one that only moves elements takes any type.
bool plain_code_runs(const OpSchema& schema, const Value& value);

}  // namespace tessera
