#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "run/image.hpp"
#include "run/steps/gemm_step.hpp"

namespace tessera {
namespace {

TEST(Image, HaloIsFilledByAnyNumberOfMembersAndTheInsideIsLeftAlone) {
  const Image image{0, DataType::u8, 2, 3, 4, 5, {1, 2, 3, 1}};
  for (int members = 1; members <= 5; ++members) {
    std::vector<std::uint8_t> memory(static_cast<std::size_t>(image.bytes()), 200);
    std::byte* buffers[] = {reinterpret_cast<std::byte*>(memory.data())};
    for (int member = 0; member < members; ++member) fill_halo(image, 7, {buffers, nullptr, member, members});
    for (std::int64_t n = 0; n < image.count; ++n)
      for (std::int64_t h = -image.halo.top; h < image.height + image.halo.bottom; ++h)
        for (std::int64_t w = -image.halo.left; w < image.width + image.halo.right; ++w)
          for (std::int64_t c = 0; c < image.channels; ++c) {
            const bool inside = h >= 0 && h < image.height && w >= 0 && w < image.width;
            const std::int64_t at =
                image.origin() + n * image.image_stride() + h * image.row_stride() + w * image.pixel_stride() + c;
            ASSERT_EQ(memory[static_cast<std::size_t>(at)], inside ? 200 : 7);
          }
  }
}

TEST(Share, PartsCoverEverythingOnceAndKeepToTheGrain) {
  for (std::int64_t count : {0, 1, 5, 49, 3136})
    for (int members = 1; members <= 7; ++members)
      for (std::int64_t grain : {1, 6, 8}) {
        std::int64_t next = 0;
        for (int member = 0; member < members; ++member) {
          const Range range = share(count, member, members, grain);
          ASSERT_EQ(range.first, next);
          ASSERT_TRUE(range.first % grain == 0 || range.first == count);
          next = range.last;
        }
        ASSERT_EQ(next, count);
      }
}

TEST(SplitGrid, KeepsBothMembersBusyWhereRowsAreFew) {
  // 49 output pixels are 9 tiles of 6 rows: by rows one member would do 5 of 9, by panels both do half.
  const GridSplit split = split_grid({9, 32, 1, 1}, 2);
  EXPECT_EQ(split.row_parts, 1);
  EXPECT_EQ(split.panel_parts, 2);
  // Many rows: shared by rows, so that every member reads its own activations.
  EXPECT_EQ(split_grid({522, 4, 800, 64}, 2).row_parts, 2);
}

TEST(SplitGrid, EqualSharesReadTheLeast) {
  // Four tiles of 14 rows and 16 panels can be halved either way. The larger operand is the one to divide.
  EXPECT_EQ(split_grid({4, 16, 400, 4000}, 2).panel_parts, 2);
  EXPECT_EQ(split_grid({4, 16, 4000, 400}, 2).row_parts, 2);
}

TEST(SplitGrid, LargestShareIsTheSmallestThatAnyDivisionGives) {
  for (std::int64_t tiles = 1; tiles < 20; ++tiles)
    for (std::int64_t panels = 1; panels < 20; ++panels)
      for (int members = 1; members <= 16; ++members) {
        const GridSplit split = split_grid({tiles, panels, 1, 1}, members);
        ASSERT_EQ(split.row_parts * split.panel_parts, members);
        const auto cost = [&](int rows, int columns) {
          return ((tiles + rows - 1) / rows) * ((panels + columns - 1) / columns);
        };
        for (int rows = 1; rows <= members; ++rows)
          if (members % rows == 0) {
            ASSERT_LE(cost(split.row_parts, split.panel_parts), cost(rows, members / rows));
          }
      }
}

}  // namespace
}  // namespace tessera
