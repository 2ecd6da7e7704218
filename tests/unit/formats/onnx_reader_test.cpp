// The reader's graph, and one clear error for everything it does not take.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/formats/onnx_support.hpp"

namespace tessera::formats_testing {
namespace {

using onnx::AttributeProto;
using onnx::TensorProto;

AttributeProto* add_attribute(onnx::NodeProto* node, const std::string& name, AttributeProto::AttributeType type) {
  auto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(type);
  return attribute;
}

TEST(OnnxReader, InputsNodesAndOutputs) {
  const Graph graph = parse(small_model());
  EXPECT_EQ(graph.name, "small");
  EXPECT_EQ(graph.opset, 17);
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].op, "Relu");
  EXPECT_EQ(graph.nodes[0].name, "relu");
  ASSERT_EQ(graph.inputs.size(), 1U);
  EXPECT_EQ(to_string(graph.value(graph.inputs[0]).shape), "[2, 3]");
  ASSERT_EQ(graph.outputs.size(), 1U);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  graph.validate();
}

TEST(OnnxReader, DynamicExtentsKeepOrGetAName) {
  auto model = small_model();
  auto* shape = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  shape->mutable_dim(0)->set_dim_param("batch");
  shape->mutable_dim(1)->clear_value();
  shape->add_dim()->set_dim_value(-1);
  const Graph graph = parse(model);
  EXPECT_EQ(to_string(graph.value(graph.inputs[0]).shape), "[batch, x_d1, x_d2]");
}

TEST(OnnxReader, NodesWithoutAUniqueNameGetOne) {
  auto model = small_model();
  add_node(model, "Relu", "relu", {"x"}, {"a"});
  add_node(model, "Relu", "", {"x"}, {"b"});
  add_node(model, "Relu", "line\nbreak", {"x"}, {"c"});
  const Graph graph = parse(model);
  EXPECT_EQ(graph.nodes[1].name, "relu_1");
  EXPECT_EQ(graph.nodes[2].name, "Relu_2");
  EXPECT_EQ(graph.nodes[3].name, "line?break");
}

TEST(OnnxReader, UnsortedFilesAreSorted) {
  auto model = small_model();
  model.mutable_graph()->clear_node();
  add_node(model, "Relu", "third", {"b"}, {"y"});
  add_node(model, "Relu", "second", {"a"}, {"b"});
  add_node(model, "Relu", "first", {"x"}, {"a"});
  const Graph graph = parse(model);
  graph.validate();
  EXPECT_EQ(graph.nodes[0].name, "first");
  EXPECT_EQ(graph.nodes[1].name, "second");
  EXPECT_EQ(graph.nodes[2].name, "third");
}

TEST(OnnxReader, ConstantNodesBecomeConstants) {
  auto model = small_model();
  add_attribute(add_node(model, "Constant", "a", {}, {"a"}), "value_int", AttributeProto::INT)->set_i(7);
  add_attribute(add_node(model, "Constant", "b", {}, {"b"}), "value_float", AttributeProto::FLOAT)->set_f(0.5F);
  add_attribute(add_node(model, "Constant", "c", {}, {"c"}), "value_ints", AttributeProto::INTS)->add_ints(3);
  add_attribute(add_node(model, "Constant", "d", {}, {"d"}), "value_floats", AttributeProto::FLOATS)->add_floats(2.5F);
  auto* tensor =
      add_attribute(add_node(model, "Constant", "e", {}, {"e"}), "value", AttributeProto::TENSOR)->mutable_t();
  tensor->set_data_type(TensorProto::INT64);
  tensor->add_dims(1);
  tensor->add_int64_data(-9);
  const Graph graph = parse(model);
  EXPECT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(elements<std::int64_t>(graph, "a"), std::vector<std::int64_t>{7});
  EXPECT_EQ(graph.value(graph.find("a")).constant.shape(), Shape{});
  EXPECT_EQ(elements<float>(graph, "b"), std::vector{0.5F});
  EXPECT_EQ(elements<std::int64_t>(graph, "c"), std::vector<std::int64_t>{3});
  EXPECT_EQ(graph.value(graph.find("c")).constant.shape(), Shape{1});
  EXPECT_EQ(elements<float>(graph, "d"), std::vector{2.5F});
  EXPECT_EQ(elements<std::int64_t>(graph, "e"), std::vector<std::int64_t>{-9});
}

TEST(OnnxReader, InputsThatAreInitializersAreConstants) {
  auto model = model_with(TensorProto::FLOAT, {1});
  model.mutable_graph()->mutable_initializer(0)->add_float_data(4);
  set_tensor_type(model.mutable_graph()->add_input(), "w", TensorProto::FLOAT, {1});
  const Graph graph = parse(model);
  EXPECT_EQ(graph.inputs.size(), 1U);
  EXPECT_EQ(elements<float>(graph), std::vector{4.0F});
}

TEST(OnnxReader, OmittedInputsAndOutputs) {
  auto model = small_model();
  add_node(model, "Clip", "clip", {"x", "", "high"}, {"z"});
  add_initializer(model, "high", TensorProto::FLOAT, {})->add_float_data(6);
  add_node(model, "Clip", "trailing", {"x", "", ""}, {"t", ""});
  const Graph graph = parse(model);
  ASSERT_EQ(graph.nodes[1].inputs.size(), 3U);
  EXPECT_FALSE(graph.nodes[1].has_input(1));
  EXPECT_TRUE(graph.nodes[1].has_input(2));
  EXPECT_EQ(graph.nodes[2].inputs.size(), 1U);
  EXPECT_EQ(graph.nodes[2].outputs.size(), 1U);
}

TEST(OnnxReader, UnusedDomainsDoNoHarm) {
  auto model = small_model();
  auto* import = model.add_opset_import();
  import->set_domain("com.example");
  import->set_version(1);
  EXPECT_EQ(parse(model).nodes.size(), 1U);
  model.mutable_opset_import(0)->set_domain("ai.onnx");
  EXPECT_EQ(parse(model).opset, 17);
}

TEST(OnnxReader, OpsetsOutOfRange) {
  for (const int version : {1, 10, 26}) {
    auto model = small_model();
    model.mutable_opset_import(0)->set_version(version);
    expect_invalid(model, {"opset " + std::to_string(version), "from 11 to 25"});
  }
  auto model = small_model();
  model.mutable_opset_import(0)->set_domain("ai.onnx.ml");
  expect_invalid(model, {"names no ONNX opset"});
}

TEST(OnnxReader, OpsOfOtherDomainsNameNodeOpAndDomain) {
  auto model = small_model();
  model.mutable_graph()->mutable_node(0)->set_domain("com.microsoft");
  expect_invalid(model, {"node relu (Relu)", "com.microsoft"});
}

TEST(OnnxReader, UnknownOpsAndAttributesNameNodeAndFile) {
  auto model = small_model();
  add_node(model, "NoSuchOp", "odd", {"x"}, {"z"});
  expect_invalid(model, {"odd", "NoSuchOp"});
  auto attributed = small_model();
  add_attribute(attributed.mutable_graph()->mutable_node(0), "slope", AttributeProto::FLOAT)->set_f(1);
  expect_invalid(attributed, {"relu", "Relu", "slope"});
}

TEST(OnnxReader, AttributesWithoutAPlaceInAGraph) {
  const auto refuse = [](AttributeProto::AttributeType type, const std::string& words) {
    auto model = small_model();
    add_attribute(model.mutable_graph()->mutable_node(0), "body", type);
    expect_invalid(model, {"node relu (Relu)", "attribute body", words});
  };
  refuse(AttributeProto::GRAPH, "subgraph");
  refuse(AttributeProto::GRAPHS, "subgraph");
  refuse(AttributeProto::STRINGS, "strings");
  refuse(AttributeProto::TENSORS, "list of tensors");
  refuse(AttributeProto::SPARSE_TENSOR, "sparse");
  refuse(AttributeProto::TYPE_PROTO, "a type");
  refuse(AttributeProto::UNDEFINED, "attribute body");

  auto referring = small_model();
  add_attribute(referring.mutable_graph()->mutable_node(0), "alpha", AttributeProto::FLOAT)->set_ref_attr_name("outer");
  expect_invalid(referring, {"attribute alpha", "enclosing function"});
  auto twice = small_model();
  for (int i = 0; i < 2; ++i) add_attribute(twice.mutable_graph()->mutable_node(0), "alpha", AttributeProto::FLOAT);
  expect_invalid(twice, {"attribute alpha", "twice"});
}

TEST(OnnxReader, ConstantsThatAreNone) {
  auto strings = small_model();
  add_attribute(add_node(strings, "Constant", "c", {}, {"c"}), "value_string", AttributeProto::STRING)->set_s("text");
  expect_invalid(strings, {"node c (Constant)", "value_string"});
  auto empty = small_model();
  add_node(empty, "Constant", "c", {}, {"c"});
  expect_invalid(empty, {"node c (Constant)", "0 attributes"});
  auto fed = small_model();
  add_attribute(add_node(fed, "Constant", "c", {"x"}, {"c"}), "value_int", AttributeProto::INT);
  expect_invalid(fed, {"node c (Constant)", "well-formed"});
}

TEST(OnnxReader, SparseAndAnnotatedGraphs) {
  auto sparse = small_model();
  sparse.mutable_graph()->add_sparse_initializer()->mutable_values()->set_name("s");
  expect_invalid(sparse, {"sparse initializer s"});
  auto annotated = small_model();
  annotated.mutable_graph()->add_quantization_annotation()->set_tensor_name("x");
  expect_invalid(annotated, {"tensor x", "quantization annotations"});
}

TEST(OnnxReader, InputsThatAreNotTensors) {
  auto sequence = small_model();
  sequence.mutable_graph()->mutable_input(0)->mutable_type()->mutable_sequence_type();
  expect_invalid(sequence, {"input x", "not a tensor"});
  auto untyped = small_model();
  untyped.mutable_graph()->mutable_input(0)->clear_type();
  expect_invalid(untyped, {"input x", "not a tensor"});
  auto shapeless = small_model();
  shapeless.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  expect_invalid(shapeless, {"input x", "no shape"});
  for (const int type : {TensorProto::UINT16, TensorProto::COMPLEX64, TensorProto::STRING}) {
    auto model = small_model();
    model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    expect_invalid(model,
                   {"input x", "element type", TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))});
  }
  auto deep = small_model();
  set_tensor_type(deep.mutable_graph()->add_input(), "deep", TensorProto::FLOAT, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  expect_invalid(deep, {"input deep", "9 dimensions"});
}

TEST(OnnxReader, TensorsThatNothingDefines) {
  auto node = small_model();
  add_node(node, "Relu", "lost", {"nowhere"}, {"z"});
  expect_invalid(node, {"node lost (Relu)", "nowhere"});
  auto output = small_model();
  set_tensor_type(output.mutable_graph()->add_output(), "nothing", TensorProto::FLOAT, {1});
  expect_invalid(output, {"output nothing"});
  auto none = small_model();
  none.mutable_graph()->clear_output();
  expect_invalid(none, {"no outputs"});
}

TEST(OnnxReader, CyclesNameATensorOnThem) {
  auto model = small_model();
  add_node(model, "Relu", "waits", {"p"}, {"z"});  // behind the cycle, not on it
  add_node(model, "Relu", "one", {"q"}, {"p"});
  add_node(model, "Relu", "two", {"p"}, {"q"});
  expect_error(ErrorKind::invalid, {"m.onnx", "depends on itself"}, [&] { (void)parse(model); });
  try {
    (void)parse(model);
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_TRUE(message.find("tensor p ") != std::string::npos || message.find("tensor q ") != std::string::npos)
        << message;
    EXPECT_EQ(message.find("waits"), std::string::npos) << message;
  }
  auto self = small_model();
  add_node(self, "Relu", "self", {"s"}, {"s"});
  expect_invalid(self, {"node self (Relu)", "tensor s"});
}

TEST(OnnxReader, TensorsDefinedTwice) {
  auto nodes = small_model();
  add_node(nodes, "Relu", "again", {"x"}, {"y"});
  expect_invalid(nodes, {"node again (Relu)", "tensor y"});
  auto input = small_model();
  add_node(input, "Relu", "again", {"y"}, {"x"});
  expect_invalid(input, {"node again (Relu)", "tensor x"});
  auto initializers = small_model();
  for (int i = 0; i < 2; ++i) add_initializer(initializers, "w", TensorProto::FLOAT, {1})->add_float_data(1);
  expect_invalid(initializers, {"initializer w", "twice"});
  auto unnamed = small_model();
  add_initializer(unnamed, "", TensorProto::FLOAT, {1})->add_float_data(1);
  expect_invalid(unnamed, {"without a name"});
  auto control = small_model();
  add_initializer(control, "a\nb", TensorProto::FLOAT, {1})->add_float_data(1);
  expect_error(ErrorKind::invalid, {"control characters"}, [&] {
    try {
      (void)parse(control);
    } catch (const Error& error) {  // the file's own words may hold the line break; ours must be all there
      throw Error(error.kind(), "m.onnx", error.why());
    }
  });
}

class OnnxFile : public ::testing::Test {
 protected:
  void refuse(const std::string& name, std::vector<std::string> parts) const {
    const std::string path = folder_.file(name);
    parts.push_back(path);
    expect_error(ErrorKind::invalid, parts, [&] { (void)read_onnx(path); });
  }
  TemporaryFolder folder_;
};

TEST_F(OnnxFile, ThatIsNone) {
  write_bytes(folder_.file("empty.onnx"), "");
  refuse("empty.onnx", {"is empty"});
  write_bytes(folder_.file("text.onnx"), "Once upon a time there was a file that was not a model at all.\n");
  refuse("text.onnx", {"not an ONNX file"});
  write_bytes(folder_.file("zeros.onnx"), std::string(100, '\0'));
  refuse("zeros.onnx", {"not an ONNX file"});
  write_bytes(folder_.file("pointer.onnx"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  refuse("pointer.onnx", {"Git LFS pointer"});
  refuse("missing.onnx", {"cannot open", "No such file"});
  std::filesystem::create_directory(folder_.file("folder.onnx"));
  refuse("folder.onnx", {"is a folder"});
  ASSERT_EQ(::mkfifo(folder_.file("pipe.onnx").c_str(), 0600), 0);
  refuse("pipe.onnx", {"not a regular file"});
  write_bytes(folder_.file("file"), "x");
  refuse("file/model.onnx", {"cannot open", "Not a directory"});
}

TEST_F(OnnxFile, WithoutAGraph) {
  auto model = small_model();
  model.clear_graph();
  write_bytes(folder_.file("m.onnx"), model.SerializeAsString());
  refuse("m.onnx", {"no graph"});
}

// Every prefix of a valid file is refused: none crashes, none is taken for a smaller model.
TEST_F(OnnxFile, CutShortAnywhere) {
  auto model = model_with(TensorProto::FLOAT, {4});
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(raw<float>({1, 2, 3, 4}));
  const std::string whole = model.SerializeAsString();
  // The opset comes behind the graph in the serialized order, so a cut never leaves a complete model.
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto bytes = std::as_bytes(std::span(whole)).first(size);
    EXPECT_THROW((void)parse_onnx(bytes, "m.onnx", ""), Error) << size;
  }
  write_bytes(folder_.file("cut.onnx"), whole.substr(0, whole.size() / 2));
  refuse("cut.onnx", {"cut short or damaged"});
}

TEST_F(OnnxFile, LargerThanAMessageCanBe) {
  write_bytes(folder_.file("large.onnx"), "\x08\x08");
  std::filesystem::resize_file(folder_.file("large.onnx"), std::uintmax_t{1} << 31);  // sparse: takes no space
  refuse("large.onnx", {"2 GiB", "external data"});
}

TEST_F(OnnxFile, ThatMayNotBeRead) {
  write_bytes(folder_.file("locked.onnx"), small_model().SerializeAsString());
  std::filesystem::permissions(folder_.file("locked.onnx"), std::filesystem::perms::none);
  if (::access(folder_.file("locked.onnx").c_str(), R_OK) == 0) {
    EXPECT_EQ(read_onnx(folder_.file("locked.onnx")).nodes.size(), 1U);  // root may read everything
  } else {
    refuse("locked.onnx", {"cannot open", "Permission denied"});
  }
}

TEST_F(OnnxFile, NamedWithoutItsFolder) {
  auto model = small_model();
  auto* tensor = add_initializer(model, "w", TensorProto::FLOAT, {1});
  tensor->set_data_location(TensorProto::EXTERNAL);
  tensor->add_external_data()->set_key("location");
  tensor->mutable_external_data(0)->set_value("w.bin");
  write_bytes(folder_.file("m.onnx"), model.SerializeAsString());
  write_bytes(folder_.file("w.bin"), raw<float>({8}));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const Graph graph = read_onnx("m.onnx");
  std::filesystem::current_path(before);
  EXPECT_EQ(elements<float>(graph), std::vector{8.0F});
}

}  // namespace
}  // namespace tessera::formats_testing
