#include <algorithm>
#include <set>

#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::expect_error;

TEST(Registry, FindsEveryOpItLists) {
  ASSERT_FALSE(all_ops().empty());
  for (const OpSchema& schema : all_ops()) EXPECT_EQ(find_op(schema.name), &schema) << schema.name;
  EXPECT_EQ(find_op("Loop"), nullptr);
  EXPECT_EQ(find_op(""), nullptr);
}

TEST(Registry, IsSortedWithoutDuplicates) {
  const auto ops = all_ops();
  for (std::size_t i = 1; i < ops.size(); ++i) EXPECT_LT(ops[i - 1].name, ops[i].name);
}

TEST(Registry, DefinitionsAreComplete) {
  for (const OpSchema& schema : all_ops()) {
    EXPECT_NE(schema.infer, nullptr) << schema.name;
    EXPECT_GE(schema.min_inputs, 0) << schema.name;
    EXPECT_TRUE(schema.max_inputs == -1 || schema.max_inputs >= schema.min_inputs) << schema.name;
    EXPECT_NE(schema.outputs, 0) << schema.name;
    std::set<std::string_view> names;
    for (const AttributeSpec& spec : schema.attributes)
      EXPECT_TRUE(names.insert(spec.name).second) << schema.name << " lists " << spec.name << " twice";
  }
}

Node node(std::string op, std::vector<ValueId> inputs, Attributes attributes = {}) {
  Node made;
  made.op = std::move(op);
  made.name = "layer3/op";
  made.inputs = std::move(inputs);
  made.outputs = {9};
  made.attributes = std::move(attributes);
  return made;
}

TEST(CheckNode, RefusesANodeWithoutOutputs) {
  Node made = node("Relu", {0});
  made.outputs.clear();
  expect_error(ErrorKind::invalid, {"layer3/op", "Relu", "no outputs"}, [&] { check_node(made); });
}

TEST(CheckNode, AcceptsWhatTheSchemaLists) {
  check_node(node("Transpose", {0}, {{"perm", std::vector<std::int64_t>{1, 0}}}));
  check_node(node("Concat", {0, 1, 2, 3, 4}, {{"axis", std::int64_t{0}}}));
  check_node(node("Slice", {0, 1, 2, no_value, 3}));
}

TEST(CheckNode, NamesTheUnknownOperator) {
  expect_error(ErrorKind::invalid, {"layer3/op", "Loop", "not supported"}, [] { check_node(node("Loop", {0})); });
}

TEST(CheckNode, NamesTheUnknownAttribute) {
  expect_error(ErrorKind::invalid, {"layer3/op", "Transpose", "attribute order"}, [] {
    check_node(node("Transpose", {0}, {{"order", std::int64_t{1}}}));
  });
}

TEST(CheckNode, NamesTheAttributeOfTheWrongKind) {
  expect_error(ErrorKind::invalid, {"layer3/op", "Gather", "attribute axis", "a float", "an integer"}, [] {
    check_node(node("Gather", {0, 1}, {{"axis", 1.0F}}));
  });
}

TEST(CheckNode, CountsInputsAndOutputs) {
  expect_error(ErrorKind::invalid, {"layer3/op", "Gather", "input 1 is missing"},
               [] { check_node(node("Gather", {0})); });
  expect_error(ErrorKind::invalid, {"Gather", "input 0 is missing"}, [] { check_node(node("Gather", {no_value, 1})); });
  expect_error(ErrorKind::invalid, {"Gather", "3 inputs", "at most 2"}, [] { check_node(node("Gather", {0, 1, 2})); });
  expect_error(ErrorKind::invalid, {"Gather", "2 outputs", "at most 1"}, [] {
    Node two = node("Gather", {0, 1});
    two.outputs = {9, 10};
    check_node(two);
  });
}

}  // namespace
}  // namespace tessera
