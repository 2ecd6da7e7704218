// Any bytes as an ONNX file: the reader, shape inference and the passes may refuse them with an Error and nothing else.
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/error.hpp"
#include "formats/onnx_reader.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "passes/pass.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tessera::Graph graph = tessera::parse_onnx({reinterpret_cast<const std::byte*>(data), size}, "input.onnx", "");
    graph.validate();
    tessera::infer_shapes(graph);
    tessera::run_passes(graph, tessera::default_passes(), nullptr);
    static_cast<void>(tessera::to_text(graph));
  } catch (const tessera::Error&) {
    // A refusal in words is the right answer to most inputs.
  }
  return 0;
}
