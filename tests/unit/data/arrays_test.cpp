#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "data/array_dataset.hpp"
#include "data/batches.hpp"
#include "formats/npy.hpp"
#include "unit/data/support.hpp"
#include "unit/support/zip_file.hpp"

namespace tessera {
namespace {

using namespace data_testing;

Tensor counting(const Shape& shape, DataType type = DataType::f32) {
  Tensor tensor(type, shape);
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    if (type == DataType::f32) tensor.mutable_as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(i);
    if (type == DataType::i64) tensor.mutable_as<std::int64_t>()[static_cast<std::size_t>(i)] = i;
    if (type == DataType::s32)
      tensor.mutable_as<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
  }
  return tensor;
}

std::vector<TensorInfo> inputs(const std::string& batch) {
  return {{"x", DataType::f32, {batch, "2"}}, {"y", DataType::f32, {batch}}};
}

std::vector<TensorMap> batches(const Arrays& arrays, const std::string& model_batch, std::int64_t batch,
                               std::int64_t most = 1000) {
  return read_batches(ArrayDataset(arrays, inputs(model_batch), "data.npz"), inputs(model_batch), batch, most);
}

class DataArrayFiles : public ::testing::Test {
 protected:
  void put(const std::string& name, const Tensor& array) {
    const std::filesystem::path path = folder_.file(name);
    std::filesystem::create_directories(path.parent_path());
    write_npy(array, path.string());
  }
  void put(const std::string& name, const Arrays& arrays) {
    const std::string path = folder_.file(name);
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::vector<std::pair<std::string, std::string>> members;
    for (const auto& [array, tensor] : arrays) {
      put("array.npy", tensor);
      members.emplace_back(array + ".npy", read_bytes(folder_.file("array.npy")));
    }
    testing::write_zip(path, members);
    std::filesystem::remove(folder_.file("array.npy"));
  }
  ArrayDataset open(const std::string& name) { return {folder_.file(name), inputs("batch")}; }

  const TemporaryFolder folder_;
};

TEST(DataArrays, SplitsAllInputsAlongTheFirstAxis) {
  const Arrays arrays = {{"x", counting({5, 2})}, {"y", counting({5})}, {"other", counting({7})}};
  const auto result = batches(arrays, "batch", 2);
  ASSERT_EQ(result.size(), 3U);
  for (const TensorMap& batch : result) EXPECT_EQ(batch.size(), 2U);
  EXPECT_EQ(result[1].at("x").shape(), (Shape{2, 2}));
  EXPECT_EQ(result[1].at("x").as<float>()[0], 4.0F);
  EXPECT_EQ(result[1].at("y").as<float>()[1], 3.0F);
  EXPECT_EQ(result[2].at("x").shape(), (Shape{1, 2}));
  EXPECT_EQ(result[2].at("x").as<float>()[1], 9.0F);
}

TEST(DataArrays, AFewAreSpreadOverAll) {
  const auto result = batches({{"x", counting({10, 2})}, {"y", counting({10})}}, "batch", 2, 4);
  ASSERT_EQ(result.size(), 2U);
  EXPECT_EQ(result[0].at("y").as<float>()[1], 2.0F);
  EXPECT_EQ(result[1].at("y").as<float>()[0], 5.0F);
  EXPECT_EQ(result[1].at("y").as<float>()[1], 7.0F);
}

TEST(DataArrays, ElementsOutliveTheArrays) {
  TensorMap item;
  {
    const ArrayDataset dataset({{"x", counting({4, 2})}, {"y", counting({4})}}, inputs("N"), "data.npz");
    item = dataset.item(3);
  }
  EXPECT_EQ(item.at("x").as<float>()[1], 7.0F);
}

TEST(DataArrays, AFixedBatchTakesWholeBatchesOnly) {
  const Arrays arrays = {{"x", counting({7, 2})}, {"y", counting({7})}};
  const auto result = batches(arrays, "3", 1);
  ASSERT_EQ(result.size(), 2U);
  EXPECT_EQ(result[1].at("x").shape(), (Shape{3, 2}));
  expect_error(ErrorKind::invalid, {"data.npz", "7 items", "8"}, [&] { batches(arrays, "8", 1); });
}

TEST(DataArrays, ArraysThatDoNotFit) {
  const auto refused = [](const Arrays& arrays, const std::vector<std::string>& parts) {
    expect_error(ErrorKind::invalid, parts, [&] { ArrayDataset(arrays, inputs("batch"), "data.npz"); });
  };
  refused({{"x", counting({4, 2})}, {"z", counting({4})}}, {"data.npz", "'y'", "x, z", "y f32 [batch]"});
  refused({{"x", counting({4, 2})}, {"y", counting({3})}}, {"data.npz", "'y'", "4 and 3"});
  refused({{"x", counting({0, 2})}, {"y", counting({0})}}, {"data.npz", "no samples"});
  refused({{"x", counting({4, 2})}, {"y", Tensor::scalar(1.0F)}}, {"data.npz", "'y'", "no axis"});
  refused({{"x", counting({4, 3})}, {"y", counting({4})}}, {"data.npz", "'x'", "[4, 3]", "[batch, 2]"});
  refused({{"x", counting({4, 2}, DataType::i64)}, {"y", counting({4})}}, {"data.npz", "'x'", "i64", "f32"});
  refused({{"x", counting({4, 2})}, {"y", counting({4})}, {"labels", counting({4})}}, {"data.npz", "'labels'", "f32"});
  refused({{"x", counting({4, 2})}, {"y", counting({4})}, {"label", counting({3}, DataType::i64)}},
          {"data.npz", "'label'", "[3]"});
}

TEST(DataArrays, NumbersThatAreNone) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Tensor x = counting({4, 2});
    x.mutable_as<float>()[5] = bad;
    const ArrayDataset dataset({{"x", x}, {"y", counting({4})}}, inputs("batch"), "data.npz");
    EXPECT_EQ(dataset.item(1).size(), 2U);
    expect_error(ErrorKind::invalid, {"data.npz", "sample 2", "'x'", std::isnan(bad) ? "NaN" : "infinity"},
                 [&] { static_cast<void>(dataset.item(2)); });
  }
}

TEST(DataArrays, NarrowIdsAreWidened) {
  const std::vector<TensorInfo> ids = {{"input_ids", DataType::i64, {"batch", "sequence"}}};
  const ArrayDataset dataset({{"input_ids", counting({2, 3}, DataType::s32)}}, ids, "data.npz");
  EXPECT_EQ(dataset.item(1).at("input_ids").as<std::int64_t>()[2], 5);
}

TEST_F(DataArrayFiles, AnNpzAndAFolderOfThem) {
  put("set/b.npz", Arrays{{"x", counting({2, 2})}, {"y", counting({2})}, {"labels", counting({2}, DataType::i64)}});
  put("set/a.npz", Arrays{{"x", counting({3, 2})}, {"y", counting({3})}, {"labels", counting({3}, DataType::s32)}});
  EXPECT_EQ(open("set/b.npz").size(), 2);
  const ArrayDataset dataset = open("set");
  ASSERT_EQ(dataset.size(), 5);
  for (const std::int64_t i : {4, 0, 3, 2, 1}) {
    const std::int64_t row = i < 3 ? i : i - 3;
    EXPECT_EQ(dataset.item(i).at("y").as<float>()[0], static_cast<float>(row));
    EXPECT_EQ(dataset.label(i), row);
    EXPECT_NE(dataset.describe(i).find(i < 3 ? "a.npz" : "b.npz"), std::string::npos);
  }
  put("set/c.npz", Arrays{{"x", counting({2, 2})}, {"y", counting({2})}});
  expect_error(ErrorKind::invalid, {"set", "labels"}, [this] { open("set"); });
  put("set/c.npz", Arrays{{"z", counting({2, 2})}});
  expect_error(ErrorKind::invalid, {"set/c.npz", "'x'"}, [this] { open("set"); });
}

TEST_F(DataArrayFiles, OneFilePerInput) {
  put("set/x.npy", counting({3, 2}));
  expect_error(ErrorKind::invalid, {"x.npy", "one array", "2"}, [this] { open("set"); });
  put("set/y.npy", counting({3}));
  put("set/labels.npy", counting({3}, DataType::i64));
  const ArrayDataset dataset = open("set");
  ASSERT_EQ(dataset.size(), 3);
  EXPECT_EQ(dataset.item(2).at("x").as<float>()[1], 5.0F);
  EXPECT_EQ(dataset.label(2), 2);
}

TEST_F(DataArrayFiles, NpyForAModelOfOneInput) {
  const std::vector<TensorInfo> one = {{"x", DataType::f32, {"batch", "2"}}};
  put("set/1.npy", counting({3, 2}));
  put("set/2.npy", counting({1, 2}));
  EXPECT_EQ(ArrayDataset(folder_.file("set/1.npy"), one).size(), 3);
  const ArrayDataset both(folder_.file("set"), one);
  EXPECT_EQ(both.size(), 4);
  EXPECT_EQ(both.item(3).at("x").as<float>()[1], 1.0F);
}

TEST_F(DataArrayFiles, FoundByWhatTheyAre) {
  put("arrays.data", counting({3, 2}));
  EXPECT_EQ(open_dataset(folder_.file("arrays.data"), {"", {{"x", DataType::f32, {"batch", "2"}}}, {}})->size(), 3);
  write_bytes(folder_.file("noise.npz"), "nothing of the kind");
  expect_error(ErrorKind::invalid, {"noise.npz", ".npz"}, [this] {
    open_dataset(folder_.file("noise.npz"), {"", inputs("batch"), {}});
  });
  put("whole.npz", Arrays{{"x", counting({64, 2})}, {"y", counting({64})}});
  const std::string bytes = read_bytes(folder_.file("whole.npz"));
  write_bytes(folder_.file("half.npz"), bytes.substr(0, bytes.size() / 2));
  expect_error(ErrorKind::invalid, {"half.npz"}, [this] {
    open_dataset(folder_.file("half.npz"), {"", inputs("b"), {}});
  });
}

}  // namespace
}  // namespace tessera
