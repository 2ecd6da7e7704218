// Rows of a table that lies in the file of the model.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <numeric>

#include "formats/onnx_writer.hpp"
#include "graph/graph.hpp"
#include "ops/op.hpp"
#include "tessera/tessera.hpp"
#include "unit/formats/support.hpp"

namespace tessera {
namespace {

using formats_testing::TemporaryFolder;

constexpr std::int64_t rows = 300, width = 64;  // 75 KiB: large enough to stay in the file

class TableTest : public ::testing::Test {
 protected:
  TableTest() {
    Graph graph;
    graph.name = "table";
    const ValueId ids = graph.add_input("ids", DataType::i64, SymbolicShape({Dim("batch"), Dim("seq")}));
    std::vector<float> elements(static_cast<std::size_t>(rows * width));
    std::iota(elements.begin(), elements.end(), 0.0F);
    const ValueId table = graph.add_constant("table", Tensor::from<float>(Shape{rows, width}, elements));
    const ValueId y = graph.append("Gather", "lookup", {table, ids}, {{"axis", std::int64_t{0}}});
    graph.outputs = {y};
    infer_shapes(graph);
    write_onnx(graph, path());
  }

  [[nodiscard]] std::string path() const { return folder_.path() + "/table.onnx"; }

  static Session compile(const Model& model, std::int64_t count, int threads) {
    return model.compile({.threads = threads, .extents = {{"batch", 1}, {"seq", count}}});
  }

  static TensorMap inputs(std::span<const std::int64_t> ids) {
    return {{"ids", Tensor::from<std::int64_t>(Shape{1, static_cast<std::int64_t>(ids.size())}, ids)}};
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(TableTest, RowsInAnyOrderAndInRuns) {
  const Model model = Model::load(path());
  const std::vector<std::int64_t> ids{7, 8, 9, 299, 0, 1, 1, -1, -300, -299, 5, 4, 150};
  for (const int threads : {1, 2, 3}) {
    Session session = compile(model, static_cast<std::int64_t>(ids.size()), threads);
    EXPECT_EQ(session.explain(0).front().kernel, "rows of a file");
    const TensorMap outputs = session.run(inputs(ids));
    const std::span<const float> found = outputs.begin()->second.as<float>();
    ASSERT_EQ(found.size(), ids.size() * width);
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::int64_t row = ids[i / width] < 0 ? ids[i / width] + rows : ids[i / width];
      ASSERT_EQ(found[i], static_cast<float>(row * width + static_cast<std::int64_t>(i % width))) << i;
    }
  }
}

TEST_F(TableTest, AnIndexOutsideTheTableIsAnError) {
  const Model model = Model::load(path());
  Session session = compile(model, 2, 2);
  for (const std::int64_t wrong : {rows, -rows - 1}) {
    try {
      session.run(inputs(std::array<std::int64_t, 2>{0, wrong}));
      FAIL() << wrong;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("outside the 300 entries"), std::string::npos) << error.what();
    }
  }
  EXPECT_NO_THROW(session.run(inputs(std::array<std::int64_t, 2>{0, 1})));
}

TEST_F(TableTest, AFileThatWasCutShortIsAnErrorAndNotTheEnd) {
  const Model model = Model::load(path());
  Session session = compile(model, 1, 1);
  std::filesystem::resize_file(path(), 100);
  try {
    session.run(inputs(std::array<std::int64_t, 1>{200}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no longer be read"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tessera
