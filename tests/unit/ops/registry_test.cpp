// What every row of the table of ops must state.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "ops/op.hpp"

namespace tessera {
namespace {

TEST(OpRegistry, EveryOpSaysWhetherItKeepsItemsApart) {
  for (const OpSchema& schema : all_ops())
    EXPECT_NE(schema.by_item, ItemRule::unstated) << schema.name << " has no ItemRule";
}

TEST(OpRegistry, EveryOpIsListedOnceAndInfersShapes) {
  std::set<std::string> names;
  for (const OpSchema& schema : all_ops()) {
    EXPECT_TRUE(names.insert(std::string(schema.name)).second) << schema.name << " is listed twice";
    EXPECT_NE(schema.infer, nullptr) << schema.name;
    EXPECT_LE(schema.since, 25) << schema.name;
  }
}

TEST(OpRegistry, OpsThatHandCodesOnTakeThemWithoutAScale) {
  // A pool or a movement whose output may hold bytes of its input; all others that take u8 would have to convert.
  for (const char* name : {"MaxPool", "Transpose", "Split", "Pad", "Slice", "Gather", "Where", "Concat", "Reshape",
                           "Flatten", "Squeeze", "Unsqueeze", "Identity", "Expand"}) {
    ASSERT_NE(find_op(name), nullptr) << name;
    EXPECT_EQ(find_op(name)->codes, Codes::passes) << name;
  }
}

}  // namespace
}  // namespace tessera
