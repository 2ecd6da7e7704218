// A small residual network written as an ONNX file, and the fixture of the tests that load it: the built-in models are
// too large for unit tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "formats/onnx_writer.hpp"
#include "tessera/tessera.hpp"
#include "unit/engine/support.hpp"

namespace tessera::testing {

/// conv (stem) -> max pool -> residual block -> global pool -> linear, with a symbolic batch.
inline Graph small_resnet() {
  Net net;
  const ValueId x = net.input("image", {Dim("batch"), 3, 20, 20});
  const auto conv = [&](ValueId in, const Shape& w, std::int64_t stride, std::int64_t pad) {
    return net.op("Conv", {in, net.weight(w, 0.3F), net.weight(Shape{w[0]})},
                  {{"strides", ints({stride, stride})}, {"pads", ints({pad, pad, pad, pad})}});
  };
  const ValueId stem = net.op("Relu", {conv(x, Shape{16, 3, 7, 7}, 2, 3)});
  const ValueId pooled = net.op(
      "MaxPool", {stem}, {{"kernel_shape", ints({3, 3})}, {"strides", ints({2, 2})}, {"pads", ints({1, 1, 1, 1})}});
  const ValueId a = net.op("Relu", {conv(pooled, Shape{16, 16, 1, 1}, 1, 0)});
  const ValueId b = net.op("Relu", {conv(a, Shape{16, 16, 3, 3}, 1, 1)});
  const ValueId c = net.op("Relu", {net.op("Add", {conv(b, Shape{16, 16, 1, 1}, 1, 0), pooled})});
  const ValueId mean = net.op("Flatten", {net.op("GlobalAveragePool", {c})});
  net.output(net.op("Gemm", {mean, net.weight(Shape{10, 16}), net.weight(Shape{10})}, {{"transB", std::int64_t{1}}}));
  return net.graph;
}

class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("tessera-session-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    path_ = (folder_ / "small.onnx").string();
    Graph graph = small_resnet();
    infer_shapes(graph);
    write_onnx(graph, path_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static TensorMap image(std::int64_t batch) { return {{"image", random_tensor(Shape{batch, 3, 20, 20}, 42)}}; }
  static Tensor only(TensorMap outputs) { return outputs.begin()->second; }

  std::filesystem::path folder_;
  std::string path_;
};

}  // namespace tessera::testing
