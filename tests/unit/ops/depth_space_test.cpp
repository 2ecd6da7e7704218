#include "unit/ops/support.hpp"

namespace tessera {
namespace {

using test::elements;
using test::expect_error;
using test::floats;
using test::run_op;
using Floats = std::vector<float>;

const Attributes block{{"blocksize", std::int64_t{2}}};
// Eight channels of one pixel.
const Tensor deep = floats(Shape{1, 8, 1, 1}, {0, 1, 2, 3, 4, 5, 6, 7});

TEST(DepthToSpace, TakesTheChannelsOfAPixelApart) {
  // Channels as [b, b, C]: every pixel of the block has two neighbouring ones.
  EXPECT_EQ(elements<float>(run_op("DepthToSpace", {deep}, block)), (Floats{0, 2, 4, 6, 1, 3, 5, 7}));
  const Attributes columns{{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}};
  const Tensor image = run_op("DepthToSpace", {deep}, columns);
  EXPECT_EQ(image.shape(), (Shape{1, 2, 2, 2}));
  EXPECT_EQ(elements<float>(image), (Floats{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(SpaceToDepth, IsTheWayBack) {
  const Tensor image = run_op("DepthToSpace", {deep}, block);
  EXPECT_EQ(elements<float>(run_op("SpaceToDepth", {image}, block)), elements<float>(deep));
  EXPECT_EQ(run_op("SpaceToDepth", {floats(Shape{1, 1, 2, 4}, {0, 1, 2, 3, 4, 5, 6, 7})}, block).shape(),
            (Shape{1, 4, 1, 2}));
}

TEST(DepthToSpace, RefusesWhatDoesNotDivide) {
  expect_error(ErrorKind::invalid, {"tested", "blocksize", "0"}, [] { run_op("DepthToSpace", {deep}); });
  expect_error(ErrorKind::invalid, {"tested", "8", "9"}, [] {
    run_op("DepthToSpace", {deep}, {{"blocksize", std::int64_t{3}}});
  });
  expect_error(ErrorKind::invalid, {"tested", "1", "2"}, [] { run_op("SpaceToDepth", {deep}, block); });
}

}  // namespace
}  // namespace tessera
