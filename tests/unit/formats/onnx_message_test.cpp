#include "formats/onnx_message.hpp"
#include "core/deferred_tensor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "unit/formats/onnx_support.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using namespace formats_testing;
using onnx::TensorProto;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Field `number` with counted bytes shorter than 128.
std::string field(int number, const std::string& content) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(content.size())} + content;
}

onnx::ModelProto two_weights() {
  auto model = model_with(TensorProto::FLOAT, {2});
  model.mutable_graph()->mutable_initializer(0)->set_raw_data(raw<float>({1, 2}));
  add_initializer(model, "v", TensorProto::FLOAT, {1})->add_float_data(3);
  return model;
}

TEST(OnnxMessage, RawDataStayWhereTheyAreAndAllElseIsParsed) {
  const auto model = two_weights();
  const std::string bytes = model.SerializeAsString();
  auto message = parse_onnx_message(bytes_of(bytes));
  ASSERT_TRUE(message);
  ASSERT_EQ(message->raw_data.size(), 2U);
  ASSERT_TRUE(message->raw_data[0]);
  EXPECT_FALSE(message->raw_data[1]);
  const auto* const place = reinterpret_cast<const char*>(message->raw_data[0]->data());
  EXPECT_TRUE(place >= bytes.data() && place < bytes.data() + bytes.size());
  EXPECT_EQ(text_of(*message->raw_data[0]), raw<float>({1, 2}));
  EXPECT_FALSE(message->model.graph().initializer(0).has_raw_data());
  // With its raw data back the message is the model.
  message->model.mutable_graph()->mutable_initializer(0)->set_raw_data(raw<float>({1, 2}));
  EXPECT_EQ(message->model.SerializeAsString(), bytes);
}

// A field that stands twice counts the last time, and a message that stands twice is merged: so says the format.
TEST(OnnxMessage, RepeatedFields) {
  const auto model = two_weights();
  const std::string tensor = field(8, "u") + field(9, raw<float>({7})) + field(9, raw<float>({8, 9}));
  const std::string bytes = model.SerializeAsString() + field(7, field(5, tensor));
  const auto message = parse_onnx_message(bytes_of(bytes));
  ASSERT_TRUE(message);
  ASSERT_EQ(message->raw_data.size(), 3U);
  EXPECT_EQ(message->model.graph().initializer(2).name(), "u");
  EXPECT_EQ(text_of(*message->raw_data[2]), raw<float>({8, 9}));
  EXPECT_EQ(message->model.graph().node_size(), 1);
}

// A group is a form of field that ONNX has never used; the library reads past it.
TEST(OnnxMessage, WhatCannotBeSplitIsLeftToTheLibrary) {
  const auto model = two_weights();
  const std::string group = "\xfb\x3e\xfc\x3e";  // field 1007: begin, end
  const std::string bytes = model.SerializeAsString() + group;
  const auto message = parse_onnx_message(bytes_of(bytes));
  ASSERT_TRUE(message);
  ASSERT_EQ(message->raw_data.size(), 2U);
  EXPECT_FALSE(message->raw_data[0]);
  EXPECT_EQ(message->model.graph().initializer(0).raw_data(), raw<float>({1, 2}));
}

TEST(OnnxMessage, DamageIsNoMessage) {
  const std::string bytes = two_weights().SerializeAsString();
  EXPECT_FALSE(parse_onnx_message(bytes_of(bytes.substr(0, bytes.size() - 1))));
  EXPECT_FALSE(parse_onnx_message(bytes_of(field(7, std::string("\x2a\x7f\x00", 3)))));  // longer than what holds it
}

// Large enough to stay in the file, at an address where a float may not lie.
TEST(OnnxMessage, LargeWeightsStayInTheFileAtAnyAlignment) {
  const TemporaryFolder folder;
  std::vector<float> elements(std::size_t{1} << 15);
  std::iota(elements.begin(), elements.end(), 0.0F);
  for (std::size_t shift = 0; shift < 4; ++shift) {
    auto model = small_model();
    model.set_producer_name(std::string(shift, 'p'));
    auto* tensor = add_initializer(model, "w", TensorProto::FLOAT, {1 << 15});
    tensor->set_raw_data(text_of(std::as_bytes(std::span(elements))));
    const std::string path = folder.file("m.onnx");
    write_bytes(path, model.SerializeAsString());
    const Graph graph = read_onnx(path);
    std::filesystem::remove(path);
    const Tensor& weight = graph.value(graph.find("w")).constant;
    const BorrowedElements first = borrow(weight), second = borrow(weight);
    EXPECT_EQ(first.data, second.data) << "not in place";
    EXPECT_TRUE(std::ranges::equal(std::span(first.data, weight.bytes()), std::as_bytes(std::span(elements))));
    EXPECT_TRUE(std::ranges::equal(weight.as<float>(), elements));
  }
}

}  // namespace
}  // namespace tessera
