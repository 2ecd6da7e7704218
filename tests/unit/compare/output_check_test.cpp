#include "compare/output_check.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "compare/sha256.hpp"
#include "core/error.hpp"

namespace tessera {
namespace {

Tensor rows_of_three(const std::vector<float>& values) {
  return Tensor::from<float>({static_cast<std::int64_t>(values.size()) / 3, 3}, values);
}

TEST(OutputCheck, CountsRowsAtTheirLabelBesideTheAgreement) {
  const Tensor reference = rows_of_three({1, 2, 3, 9, 8, 7});
  const Tensor output = rows_of_three({1, 4, 3, 9, 8, 7});  // the first row changes its mind
  using Labels = std::array<std::optional<std::int64_t>, 2>;
  OutputCheck check;
  check.add(reference, output, Labels{1, 0});
  EXPECT_DOUBLE_EQ(*check.top1(), 1.0);
  check.add(reference, output, Labels{2, 2});
  EXPECT_DOUBLE_EQ(*check.top1(), 0.5);
  EXPECT_DOUBLE_EQ(check.accuracy().top1_agreement, 0.5);
  EXPECT_EQ(check.accuracy().inputs, 2);
}

TEST(OutputCheck, WithoutLabelsThereIsNoScore) {
  OutputCheck check;
  check.add(rows_of_three({1, 2, 3}), rows_of_three({1, 2, 3}), {});
  EXPECT_FALSE(check.top1().has_value());
  EXPECT_DOUBLE_EQ(check.accuracy().cosine, 1.0);
}

TEST(OutputCheck, TheHashIsThatOfAllOutputsInARow) {
  const Tensor whole = rows_of_three({1, 2, 3, 4, 5, 6});
  OutputCheck at_once, in_two;
  at_once.add(whole, whole, {});
  for (const Tensor& part : {rows_of_three({1, 2, 3}), rows_of_three({4, 5, 6})}) in_two.add(part, part, {});
  const std::string digits = at_once.sha256();
  EXPECT_EQ(digits, in_two.sha256());
  EXPECT_EQ(digits, sha256({whole.data(), whole.bytes()}));
}

}  // namespace
}  // namespace tessera
