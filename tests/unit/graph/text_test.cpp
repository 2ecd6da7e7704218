#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::floats;
using test::integers;

TEST(GraphText, AlignsValuesTypesAndShapes) {
  Graph graph;
  graph.name = "tiny";
  const ValueId image = graph.add_input("image", DataType::f32, SymbolicShape{Dim("batch"), 3, 8, 8});
  const ValueId weight = graph.add_constant("conv.weight", Tensor(DataType::f32, Shape{4, 3, 3, 3}));
  const ValueId bias = graph.add_constant("conv.bias", floats(Shape{4}, {0, 0.5, -1, 1e-5F}));
  const ValueId conv = graph.append("Conv", "conv", {image, weight, bias},
                                    {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}, {"group", std::int64_t{1}}});
  const ValueId flat = graph.append("Flatten", "flat", {conv});
  graph.value(flat).name = "logits";
  graph.outputs = {flat};
  infer_shapes(graph);
  EXPECT_EQ(
      to_text(graph),
      "graph tiny, opset 17, 2 nodes\n"
      "inputs\n"
      "  image   f32   [batch, 3, 8, 8]\n"
      "nodes\n"
      "  conv    f32   [batch, 4, 8, 8]  = Conv(image, conv.weight: f32[4, 3, 3, 3], conv.bias: f32[4] {0, 0.5, -1, "
      "1e-05}) {group=1, pads=[1, 1, 1, 1]}\n"
      "  logits  f32   [batch, 256]      = Flatten(conv)  # flat\n"
      "outputs\n"
      "  logits  f32   [batch, 256]\n");
}

TEST(GraphText, ShowsExtentsQuantizationOmittedInputsAndFurtherOutputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", DataType::u8, SymbolicShape{Dim("n"), 4});
  graph.value(x).quantization = Quantization{{0.25F}, {128}, -1};
  const ValueId shape = graph.append("Shape", "shape", {x});
  const ValueId left = graph.append("Split", "left", {x}, {{"axis", std::int64_t{1}}});
  graph.nodes.back().outputs.push_back(graph.add_value("right", DataType::f32));
  graph.append("Pad", "padded", {x, graph.add_constant("pads", integers({0, 0, 0, 1})), no_value, shape});
  graph.outputs = {shape, left};
  const std::string before = to_text(graph);
  EXPECT_NE(before.find("# quantized, scale 0.25, zero point 128"), std::string::npos) << before;
  EXPECT_NE(before.find("= Pad(x, pads: i64[4] {0, 0, 0, 1}, -, shape)"), std::string::npos) << before;
  EXPECT_NE(before.find("[...]"), std::string::npos) << "shapes not inferred yet:\n" << before;
  graph.nodes.pop_back();
  infer_shapes(graph);
  const std::string text = to_text(graph);
  EXPECT_NE(text.find("= Shape(x)  # holds [n, 4]"), std::string::npos) << text;
  EXPECT_NE(text.find("right  u8    [n, 2]    and the line above"), std::string::npos) << text;
}

TEST(GraphText, ElementsOfEveryTypePrint) {
  Graph graph;
  std::vector<ValueId> parts{graph.add_constant("a", test::tensor<std::uint8_t>(Shape{2}, {0, 255})),
                             graph.add_constant("b", test::tensor<std::int8_t>(Shape{}, {-128})),
                             graph.add_constant("c", test::tensor<std::int32_t>(Shape{1}, {-70000})),
                             graph.add_constant("d", test::tensor<bool>(Shape{2}, {true, false})),
                             graph.add_constant("e", test::tensor<bfloat16>(Shape{1}, {bfloat16(1.5F)})),
                             graph.add_constant("f", Tensor(DataType::s32, Shape{9}))};
  graph.append("Any", "any", std::move(parts));
  EXPECT_NE(to_text(graph).find("Any(a: u8[2] {0, 255}, b: s8[] {-128}, c: s32[1] {-70000}, d: bool[2] {true, false}, "
                                "e: bf16[1] {1.5}, f: s32[9])"),
            std::string::npos)
      << to_text(graph);
}

}  // namespace
}  // namespace tessera
