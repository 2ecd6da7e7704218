// The trained models on their whole test sets, from files to logits: the numbers that were found in training.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "data/open_dataset.hpp"
#include "formats/npy.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

struct Score {
  int right = 0, same_as_reference = 0;
  double largest_difference = 0;
};

std::int64_t top1(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

/// `row_of(i)`: where item i is in the reference logits, which PyTorch computed.
template <typename RowOf>
Score score(const std::string& folder, const std::string& data, RowOf row_of) {
  const Model model = Model::load(test_data(folder + "/model.onnx"));
  const auto dataset =
      open_dataset(test_data(folder + "/" + data), dataset_model(test_data(folder + "/model.onnx"), model));
  const Tensor reference = read_npy(test_data(folder + "/test_logits.npy"));
  EXPECT_EQ(dataset->size(), reference.shape()[0]);
  EXPECT_TRUE(dataset->notes().empty());
  const auto classes = static_cast<std::size_t>(reference.shape()[1]);
  std::map<Shape, Session, bool (*)(const Shape&, const Shape&)> sessions(
      [](const Shape& a, const Shape& b) { return a[1] < b[1]; });
  Score total;
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    const TensorMap item = dataset->item(i);
    const Shape shape = item.begin()->second.shape();
    auto session = sessions.find(shape);
    if (session == sessions.end())
      session =
          sessions.emplace(shape, model.compile({.threads = 1, .extents = {{"batch", 1}, {"sequence", shape[1]}}}))
              .first;
    const Tensor logits = session->second.run(item).at("logits");
    const auto wanted = reference.as<float>().subspan(static_cast<std::size_t>(row_of(i, *dataset)) * classes, classes);
    total.right += top1(logits.as<float>()) == dataset->label(i) ? 1 : 0;
    total.same_as_reference += top1(logits.as<float>()) == top1(wanted) ? 1 : 0;
    for (std::size_t c = 0; c < classes; ++c)
      total.largest_difference =
          std::max(total.largest_difference, std::abs(static_cast<double>(logits.as<float>()[c]) - wanted[c]));
  }
  return total;
}

// Two engines that sum in different orders differ by rounding. ONNX Runtime differs from PyTorch by 7e-6 on these
// files, with logits of up to about 20, so a few units in the last place of the largest; a wrong pixel or token moves
// logits by far more than 1e-3.
constexpr double rounding = 5e-5;

TEST(DataAccuracy, ImageModelScoresAsTrained) {
  std::map<std::string, std::int64_t> rows;  // test_logits.npy is in the order of test_files.tsv
  for (const std::string& line : lines_of(test_data("image/test_files.tsv")))
    rows.emplace(line.substr(line.find('\t') + 1), static_cast<std::int64_t>(rows.size()));
  const std::string root = test_data("image/");
  const Score total = score("image", "test", [&](std::int64_t i, const Dataset& dataset) {
    return rows.at(dataset.describe(i).substr(root.size()));
  });
  EXPECT_EQ(total.right, 919);
  EXPECT_EQ(total.same_as_reference, 1000);
  EXPECT_LT(total.largest_difference, rounding);
}

TEST(DataAccuracy, TextModelScoresAsTrained) {
  const Score total = score("text", "test.tsv", [](std::int64_t i, const Dataset&) { return i; });
  EXPECT_EQ(total.right, 953);
  EXPECT_EQ(total.same_as_reference, 1000);
  EXPECT_LT(total.largest_difference, rounding);
}

}  // namespace
}  // namespace tessera
