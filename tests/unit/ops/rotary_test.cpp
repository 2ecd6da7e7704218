#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::run_op;

/// Numbers without a pattern, the same for the same `first`.
Tensor numbers(const Shape& shape, int first) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    values.push_back(static_cast<float>((first + i) * 7919 % 1009 - 500) / 128);
  return Tensor::from<float>(shape, values);
}

/// The table as often as there are items.
Tensor repeated(const Tensor& table, std::int64_t items) {
  std::vector<float> all;
  for (std::int64_t i = 0; i < items; ++i) all.insert(all.end(), table.as<float>().begin(), table.as<float>().end());
  return Tensor::from<float>(Shape{items, table.shape()[1], table.shape()[2]}, all);
}

TEST(RotaryEmbedding, OneTableServesAllItems) {
  const Tensor x = numbers(Shape{3, 2, 5, 8}, 1);
  const Tensor cosines = numbers(Shape{1, 5, 4}, 2), sines = numbers(Shape{1, 5, 4}, 3);
  const Tensor expected = run_op("RotaryEmbedding", {x, repeated(cosines, 3), repeated(sines, 3)});
  EXPECT_EQ(elements<float>(run_op("RotaryEmbedding", {x, cosines, sines})), elements<float>(expected));
}

TEST(RotaryEmbedding, ATableForAnotherNumberOfItemsIsAnError) {
  const Tensor x = numbers(Shape{3, 2, 5, 8}, 1), table = numbers(Shape{2, 5, 4}, 2);
  expect_error(ErrorKind::invalid, {"is 2 where 3 is needed"}, [&] { run_op("RotaryEmbedding", {x, table, table}); });
  const Tensor shorter = numbers(Shape{1, 4, 4}, 2);
  expect_error(ErrorKind::invalid, {"is 4 where 5 is needed"}, [&] {
    run_op("RotaryEmbedding", {x, shorter, shorter});
  });
}

TEST(RotaryEmbedding, ElementsAreTurnedInPairsInsideTheHead) {
  const auto turn = [](std::int64_t head, std::int64_t turned) {
    const Tensor table = numbers(Shape{1, 4, (turned > 0 ? turned : head) / 2}, 3);
    return run_op("RotaryEmbedding", {numbers(Shape{1, 2, 4, head}, 4), table, table},
                  {{"rotary_embedding_dim", turned}});
  };
  EXPECT_EQ(turn(7, 4).shape(), (Shape{1, 2, 4, 7}));
  expect_error(ErrorKind::invalid, {"RotaryEmbedding", "odd number of elements: 5"}, [&] { turn(8, 5); });
  expect_error(ErrorKind::invalid, {"RotaryEmbedding", "odd number of elements: 7"}, [&] { turn(7, 0); });
  expect_error(ErrorKind::invalid, {"rotary_embedding_dim is 10", "8 elements"}, [&] { turn(8, 10); });
}

}  // namespace
}  // namespace tessera
