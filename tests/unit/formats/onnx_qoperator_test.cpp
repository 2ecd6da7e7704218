// Quantized operators become DequantizeLinear -> op -> QuantizeLinear, and compute what ONNX Runtime's definitions of
// them say: integer arithmetic, written out here element by element.
#include <algorithm>
#include <cmath>

#include "ops/op.hpp"
#include "unit/formats/onnx_support.hpp"

namespace tessera::formats_testing {
namespace {

using onnx::AttributeProto;
using onnx::TensorProto;
using U8 = std::vector<std::uint8_t>;

/// A model of one node whose inputs are all initializers but the u8 inputs "x" (and "y" where asked for).
class Quantized {
 public:
  Quantized(const std::string& domain, const std::string& op) {
    model.set_ir_version(8);
    auto* opset = model.add_opset_import();
    opset->set_domain("");
    opset->set_version(17);
    if (!domain.empty()) {
      auto* other = model.add_opset_import();
      other->set_domain(domain);
      other->set_version(1);
    }
    model.mutable_graph()->set_name("quantized");
    node = add_node(model, op, "tested", {}, {"out"});
    node->set_domain(domain);
    model.mutable_graph()->add_output()->set_name("out");
  }
  Quantized& fed(const std::string& name, std::initializer_list<std::int64_t> extents) {
    set_tensor_type(model.mutable_graph()->add_input(), name, TensorProto::UINT8, extents);
    node->add_input(name);
    return *this;
  }
  template <typename T>
  Quantized& constant(int type, std::initializer_list<std::int64_t> extents, std::initializer_list<T> values) {
    const std::string name = "c" + std::to_string(node->input_size());
    add_initializer(model, name, type, extents)->set_raw_data(raw<T>(values));
    node->add_input(name);
    return *this;
  }
  Quantized& scale(float value) { return constant<float>(TensorProto::FLOAT, {}, {value}); }
  Quantized& zero(std::uint8_t value) { return constant<std::uint8_t>(TensorProto::UINT8, {}, {value}); }
  Quantized& omitted() {
    node->add_input("");
    return *this;
  }
  Quantized& integer(const std::string& name, std::int64_t value) {
    auto* attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(AttributeProto::INT);
    attribute->set_i(value);
    return *this;
  }

  [[nodiscard]] Graph graph() const { return parse(model); }
  [[nodiscard]] Tensor run(const std::vector<Tensor>& inputs) const { return evaluate(graph(), inputs).front(); }

  onnx::ModelProto model;
  onnx::NodeProto* node = nullptr;
};

constexpr const char* microsoft = "com.microsoft";

Tensor u8(const Shape& shape, const U8& values) {
  return Tensor::from<std::uint8_t>(shape, std::span<const std::uint8_t>(values));
}
U8 bytes(const Tensor& tensor) {
  const auto held = tensor.as<std::uint8_t>();
  return {held.begin(), held.end()};
}
std::uint8_t quantized(double real, double scale, int zero_point) {
  return static_cast<std::uint8_t>(std::clamp(std::nearbyint(real / scale) + zero_point, 0.0, 255.0));
}
std::string ops_of(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += (text.empty() ? "" : " ") + node.op;
  return text;
}

TEST(QOperator, ConvWithScalesPerChannelAndBias) {
  Quantized conv("", "QLinearConv");
  conv.fed("x", {1, 1, 2, 2}).scale(0.5F).zero(10);
  conv.constant<std::int8_t>(TensorProto::INT8, {2, 1, 1, 1}, {3, -4});
  conv.constant<float>(TensorProto::FLOAT, {2}, {0.25F, 0.125F}).constant<std::int8_t>(TensorProto::INT8, {2}, {0, 0});
  conv.scale(0.75F).zero(100);
  conv.constant<std::int32_t>(TensorProto::INT32, {2}, {5, -7});
  const Graph graph = conv.graph();
  EXPECT_EQ(ops_of(graph), "DequantizeLinear DequantizeLinear Mul DequantizeLinear Conv QuantizeLinear");
  EXPECT_EQ(graph.nodes[4].name, "tested");
  graph.validate();
  const U8 x = {0, 10, 11, 200};
  U8 expected;
  for (const auto& [w, scale, bias] : {std::tuple(3, 0.25, 5), std::tuple(-4, 0.125, -7)})
    for (const std::uint8_t q : x) expected.push_back(quantized(((q - 10) * w + bias) * 0.5 * scale, 0.75, 100));
  EXPECT_EQ(bytes(conv.run({u8({1, 1, 2, 2}, x)})), expected);
}

TEST(QOperator, MatMulWithScalesPerColumn) {
  Quantized matmul("", "QLinearMatMul");
  matmul.fed("x", {2, 2}).scale(0.5F).zero(3);
  matmul.constant<std::int8_t>(TensorProto::INT8, {2, 3}, {1, 2, 3, -4, -5, -6});
  matmul.constant<float>(TensorProto::FLOAT, {3}, {0.5F, 0.25F, 0.125F});
  matmul.constant<std::int8_t>(TensorProto::INT8, {3}, {0, 0, 0});
  matmul.scale(0.5F).zero(90);
  const U8 x = {0, 9, 77, 255};
  U8 expected;
  for (const std::size_t row : {0U, 2U})
    for (const auto& [a, b, scale] : {std::tuple(1, -4, 0.5), std::tuple(2, -5, 0.25), std::tuple(3, -6, 0.125)})
      expected.push_back(quantized(((x[row] - 3) * a + (x[row + 1] - 3) * b) * 0.5 * scale, 0.5, 90));
  EXPECT_EQ(bytes(matmul.run({u8({2, 2}, x)})), expected);
}

TEST(QOperator, GemmWithBiasInIntegersOrFloat) {
  for (const bool real : {false, true}) {
    Quantized gemm(microsoft, "QGemm");
    gemm.fed("x", {1, 2}).scale(0.5F).zero(1);
    gemm.constant<std::int8_t>(TensorProto::INT8, {2, 2}, {1, 2, 3, -4}).scale(0.25F);
    gemm.constant<std::int8_t>(TensorProto::INT8, {}, {0});
    gemm.constant<std::int32_t>(TensorProto::INT32, {2}, {8, -8});
    if (!real) gemm.scale(0.25F).zero(128);
    gemm.integer("transB", 1);
    const Tensor y = gemm.run({u8({1, 2}, {5, 12})});
    const double first = (4 * 1 + 11 * 2 + 8) * 0.125, second = (4 * 3 - 11 * 4 - 8) * 0.125;
    if (real) {
      EXPECT_EQ(y.as<float>()[0], static_cast<float>(first));
      EXPECT_EQ(y.as<float>()[1], static_cast<float>(second));
    } else {
      EXPECT_EQ(bytes(y), (U8{quantized(first, 0.25, 128), quantized(second, 0.25, 128)}));
    }
  }
}

TEST(QOperator, AddAndMulOfTwoTensors) {
  for (const bool add : {true, false}) {
    Quantized node(microsoft, add ? "QLinearAdd" : "QLinearMul");
    node.fed("x", {3}).scale(0.5F).zero(4).fed("y", {3}).scale(0.25F).zero(8).scale(0.5F).zero(20);
    const U8 x = {0, 4, 250}, y = {100, 8, 9};
    U8 expected;
    for (std::size_t i = 0; i < 3; ++i) {
      const double a = (x[i] - 4) * 0.5, b = (y[i] - 8) * 0.25;
      expected.push_back(quantized(add ? a + b : a * b, 0.5, 20));
    }
    EXPECT_EQ(bytes(node.run({u8({3}, x), u8({3}, y)})), expected) << add;
  }
}

TEST(QOperator, Pools) {
  const U8 x = {1, 2, 3, 10, 20, 30, 40, 50};
  Quantized global(microsoft, "QLinearGlobalAveragePool");
  global.fed("x", {1, 2, 2, 2}).scale(0.5F).zero(4).scale(0.25F).zero(30).integer("channels_last", 0);
  EXPECT_EQ(bytes(global.run({u8({1, 2, 2, 2}, x)})), (U8{quantized(0, 0.25, 30), quantized(15.5, 0.25, 30)}));
  Quantized average(microsoft, "QLinearAveragePool");
  average.fed("x", {1, 2, 2, 2}).scale(0.5F).zero(4).scale(0.25F).zero(30);
  auto* kernel = average.node->add_attribute();
  kernel->set_name("kernel_shape");
  kernel->set_type(AttributeProto::INTS);
  kernel->add_ints(1);
  kernel->add_ints(2);
  EXPECT_EQ(bytes(average.run({u8({1, 2, 2, 2}, x)})), (U8{quantized(-1.25, 0.25, 30), quantized(1.25, 0.25, 30),
                                                           quantized(10.5, 0.25, 30), quantized(20.5, 0.25, 30)}));
}

TEST(QOperator, FunctionsOfOneTensor) {
  const U8 x = {0, 100, 128, 255};
  const auto check = [&](const std::string& op, const auto& function) {
    Quantized node(microsoft, op);
    node.fed("x", {1, 4}).scale(1.0F / 32).zero(128).scale(1.0F / 64).zero(100);
    if (op == "QLinearLeakyRelu") {
      auto* alpha = node.node->add_attribute();
      alpha->set_name("alpha");
      alpha->set_type(AttributeProto::FLOAT);
      alpha->set_f(0.25F);
    }
    U8 expected;
    for (const std::uint8_t q : x) expected.push_back(quantized(function((q - 128) / 32.0), 1.0 / 64, 100));
    EXPECT_EQ(bytes(node.run({u8({1, 4}, x)})), expected) << op;
  };
  check("QLinearSigmoid", [](double r) { return 1 / (1 + std::exp(-r)); });
  check("QLinearLeakyRelu", [](double r) { return r < 0 ? r * 0.25 : r; });
  double total = 0;
  for (const std::uint8_t q : x) total += std::exp((q - 128) / 32.0);
  check("QLinearSoftmax", [&](double r) { return std::exp(r) / total; });
}

TEST(QOperator, ConcatWhereAndReduceMean) {
  Quantized concat(microsoft, "QLinearConcat");
  concat.scale(0.5F).zero(10).fed("x", {2}).scale(0.25F).zero(0).fed("y", {1}).scale(1.0F).zero(5).integer("axis", 0);
  EXPECT_EQ(bytes(concat.run({u8({2}, {4, 255}), u8({1}, {9})})), (U8{12, 138, 18}));

  Quantized mean(microsoft, "QLinearReduceMean");
  mean.fed("x", {1, 4}).scale(0.5F).zero(10).scale(0.25F).zero(50).integer("keepdims", 1);
  EXPECT_EQ(bytes(mean.run({u8({1, 4}, {10, 12, 14, 16})})), (U8{56}));

  Quantized where(microsoft, "QLinearWhere");
  set_tensor_type(where.model.mutable_graph()->add_input(), "c", TensorProto::BOOL, {2});
  where.node->add_input("c");
  where.fed("x", {2}).scale(0.5F).zero(0).fed("y", {2}).scale(0.25F).zero(0).scale(0.5F).zero(1);
  const bool chosen[] = {true, false};
  EXPECT_EQ(bytes(where.run({Tensor::from<bool>(Shape{2}, chosen), u8({2}, {7, 7}), u8({2}, {8, 8})})), (U8{8, 5}));
}

TEST(QOperator, ZeroPointsMayBeLeftOut) {
  Quantized add(microsoft, "QLinearAdd");
  add.fed("x", {1}).scale(1.0F).omitted().fed("y", {1}).scale(1.0F).omitted().scale(2.0F);
  EXPECT_EQ(bytes(add.run({u8({1}, {10}), u8({1}, {20})})), (U8{15}));
}

TEST(QOperator, WhatNoFloatOpExpressesIsRefusedByName) {
  Quantized pool(microsoft, "QLinearGlobalAveragePool");
  pool.fed("x", {1, 2, 2, 2}).scale(0.5F).zero(4).scale(0.25F).zero(30).integer("channels_last", 1);
  expect_invalid(pool.model, {"tested", "QLinearGlobalAveragePool", "channels_last"});
  Quantized missing(microsoft, "QLinearAdd");
  missing.fed("x", {1}).scale(1.0F).zero(0);
  expect_invalid(missing.model, {"tested", "required input 3"});
  Quantized attribute(microsoft, "QLinearAdd");
  attribute.fed("x", {1}).scale(1.0F).zero(0).fed("y", {1}).scale(1.0F).zero(0).scale(1.0F).zero(0);
  attribute.integer("colour", 3);
  expect_invalid(attribute.model, {"tested", "colour"});
  Quantized other(microsoft, "QAttention");
  other.fed("x", {1});
  expect_invalid(other.model, {"tested", "com.microsoft"});
  Quantized wrong_domain("", "QLinearAdd");
  wrong_domain.fed("x", {1});
  expect_invalid(wrong_domain.model, {"tested", "QLinearAdd"});
}

}  // namespace
}  // namespace tessera::formats_testing
