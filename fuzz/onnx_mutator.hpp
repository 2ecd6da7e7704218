// Changes to ONNX files that leave most of them readable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::fuzzing {

/// For LLVMFuzzerCustomMutator: changes the model in `data`, which has room for `most` bytes; its new length.
std::size_t mutate_onnx(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

/// For LLVMFuzzerCustomCrossOver: `one` with the nodes of `other` behind it; the length, 0 where that is no model.
std::size_t join_onnx(std::span<const std::uint8_t> one, std::span<const std::uint8_t> other, std::uint8_t* joined,
                      std::size_t most, unsigned seed);

}  // namespace tessera::fuzzing
