// The writer: what it writes is read back the same, and a failure leaves nothing behind.
#include "formats/onnx_writer.hpp"

#include <array>
#include <filesystem>

#include "formats/onnx_reader.hpp"
#include "ops/op.hpp"
#include "unit/formats/onnx_support.hpp"

namespace tessera::formats_testing {
namespace {

Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::f32, shape);
  float next = 0.5F;
  for (float& element : tensor.mutable_as<float>()) element = next++;
  return tensor;
}

/// Something of everything: symbolic extents, an omitted input, attributes of several types, constants of several
/// types.
Graph varied_graph() {
  Graph graph;
  graph.name = "varied";
  const ValueId x = graph.add_input("x", DataType::f32, SymbolicShape({Dim("batch"), Dim(4), Dim(8), Dim(8)}));
  const ValueId weight = graph.add_constant("weight", counting(Shape{4, 4, 3, 3}));
  using Integers = std::vector<std::int64_t>;
  ValueId y =
      graph.append("Conv", "conv", {x, weight}, {{"pads", Integers{1, 1, 1, 1}}, {"auto_pad", std::string("NOTSET")}});
  y = graph.append("Clip", "clip", {y, no_value, graph.add_constant("six", Tensor::scalar(6.0F))});
  y = graph.append("LeakyRelu", "leaky", {y}, {{"alpha", 0.25F}});
  y = graph.append("Transpose", "transpose", {y}, {{"perm", Integers{0, 2, 3, 1}}});
  const ValueId cut =
      graph.add_constant("cut", Tensor::from<std::int64_t>(Shape{3}, std::vector<std::int64_t>{0, -1, 4}));
  y = graph.append("Reshape", "reshape", {y, cut}, {{"allowzero", std::int64_t{0}}});
  graph.add_constant("empty", Tensor(DataType::i64, Shape{0}));
  graph.add_constant("half", Tensor::scalar(bfloat16(0.5F)));
  graph.add_constant("truth", Tensor::from<bool>(Shape{2}, std::array{true, false}));
  graph.add_constant("bytes", Tensor::from<std::uint8_t>(Shape{2}, std::array<std::uint8_t, 2>{1, 255}));
  graph.outputs = {y};
  infer_shapes(graph);
  return graph;
}

class OnnxWriter : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.file("model.onnx");
};

TEST_F(OnnxWriter, RoundTrip) {
  const Graph graph = varied_graph();
  write_onnx(graph, path_);
  Graph back = read_onnx(path_);
  infer_shapes(back);
  EXPECT_EQ(to_text(back), to_text(graph));
  expect_same_constants(back, graph);
  EXPECT_EQ(folder_.entries(), 1U);
  // The same graph gives the same file.
  write_onnx(back, folder_.file("again.onnx"));
  EXPECT_EQ(read_bytes(folder_.file("again.onnx")).size(), read_bytes(path_).size());
}

TEST_F(OnnxWriter, SaysThatWeightsAreMadeUp) {
  for (const bool synthetic : {false, true}) {
    write_onnx(varied_graph(), path_, {.synthetic = synthetic});
    OnnxFileInfo info;
    static_cast<void>(read_onnx(path_, &info));
    EXPECT_EQ(info.synthetic_weights, synthetic);
    EXPECT_EQ(info.files, std::vector{path_});
  }
}

TEST_F(OnnxWriter, TensorAttributes) {
  Graph graph;
  const ValueId shape = graph.add_input("shape", DataType::i64, SymbolicShape({Dim(1)}));
  graph.outputs = {
      graph.append("ConstantOfShape", "fill", {shape}, {{"value", Tensor::from<float>(Shape{1}, std::array{2.5F})}})};
  write_onnx(graph, path_);
  const Graph back = read_onnx(path_);
  expect_same_bits(std::get<Tensor>(back.nodes.at(0).attributes.at("value")),
                   Tensor::from<float>(Shape{1}, std::array{2.5F}), "value");
}

TEST_F(OnnxWriter, IsOrdinaryProtobuf) {
  const Graph graph = varied_graph();
  write_onnx(graph, path_);
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(read_bytes(path_)));
  EXPECT_EQ(model.opset_import(0).version(), graph.opset);
  EXPECT_EQ(model.graph().node_size(), static_cast<int>(graph.nodes.size()));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(model.graph().initializer(0).raw_data().size(), graph.value(graph.find("weight")).constant.bytes());
}

TEST_F(OnnxWriter, LargeWeightsGoBesideTheModel) {
  Graph graph = varied_graph();
  graph.add_constant("large", counting(Shape{1000}));
  graph.add_constant("larger", counting(Shape{2000}));
  write_onnx(graph, path_, {.max_inline_bytes = 100});
  EXPECT_EQ(folder_.entries(), 2U);
  EXPECT_EQ(std::filesystem::file_size(path_ + ".data"),
            4096U + 8000U);  // a page apart; the small ones stay inside
  const Graph back = read_onnx(path_);
  expect_same_constants(back, graph);
  // Rewriting a model over itself: its weights are mapped from the file that is replaced.
  write_onnx(back, path_, {.max_inline_bytes = 100});
  expect_same_constants(read_onnx(path_), graph);
}

TEST_F(OnnxWriter, WhatOtherEnginesDoNotKnowIsRefused) {
  Graph fused = varied_graph();
  fused.nodes[0].op = "FusedConv";
  expect_error(ErrorKind::invalid, {"conv", "FusedConv", "no other engine"}, [&] { write_onnx(fused, path_); });
  Graph newer = varied_graph();
  newer.nodes[2].op = "Gelu";
  expect_error(ErrorKind::invalid, {"leaky", "Gelu", "opset 17"}, [&] { write_onnx(newer, path_); });
  Graph quantized = varied_graph();
  quantized.value(quantized.outputs[0]).quantization = Quantization{{0.1F}, {0}, -1};
  expect_error(ErrorKind::invalid, {"tensor reshape", "quantization"}, [&] { write_onnx(quantized, path_); });
  EXPECT_EQ(folder_.entries(), 0U);
}

TEST_F(OnnxWriter, PlacesThatCannotBeWritten) {
  const Graph graph = varied_graph();
  expect_error(ErrorKind::failed, {"missing/model.onnx", "No such file"},
               [&] { write_onnx(graph, folder_.file("missing/model.onnx")); });
  expect_error(ErrorKind::failed, {"is a folder"}, [&] { write_onnx(graph, folder_.path()); });
  expect_error(ErrorKind::failed, {"/dev/null", "not a regular file"}, [&] { write_onnx(graph, "/dev/null"); });
  EXPECT_EQ(folder_.entries(), 0U);
}

}  // namespace
}  // namespace tessera::formats_testing
