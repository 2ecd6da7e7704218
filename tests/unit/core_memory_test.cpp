#include "core/memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace tessera {
namespace {

bool is_zero(const AlignedBuffer& buffer) {
  return std::all_of(buffer.data(), buffer.data() + buffer.size(), [](std::byte b) { return b == std::byte{0}; });
}

TEST(BufferRegion, BuffersAreAlignedZeroAndApart) {
  BufferRegion region;
  std::vector<AlignedBuffer> buffers;
  buffers.reserve(4);
  for (const std::size_t bytes : {1U, 100'000U, 63U, 3'000'000U}) buffers.push_back(region.take(bytes));
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffers[i].data()) % cache_line, 0U);
    EXPECT_TRUE(is_zero(buffers[i])) << i;
    std::fill_n(buffers[i].data(), buffers[i].size(), std::byte{0xff});
    const std::byte* const end = buffers[i].data() + buffers[i].size() + buffer_slack;
    EXPECT_TRUE(i + 1 == buffers.size() || buffers[i + 1].data() >= end) << i;
  }
}

TEST(BufferRegion, BuffersStayWhenTheRegionIsGone) {
  std::optional<BufferRegion> region(std::in_place);
  AlignedBuffer first = region->take(5000);
  region->settle();
  const AlignedBuffer second = region->take(5000);
  region.reset();
  std::fill_n(first.data(), first.size(), std::byte{1});
  EXPECT_TRUE(is_zero(second));
  // The slack may be read.
  EXPECT_EQ(second.data()[second.size() + buffer_slack - 1], std::byte{0});
}

TEST(BufferRegion, WhatIsLargerThanAMappingGetsItsOwn) {
  BufferRegion region;
  const AlignedBuffer small = region.take(1000);
  AlignedBuffer large = region.take(std::size_t{100} << 20);  // address space: nothing but the ends is touched
  large.data()[large.size() - 1] = std::byte{1};
  EXPECT_EQ(large.data()[0], std::byte{0});
  EXPECT_TRUE(is_zero(small));
}

}  // namespace
}  // namespace tessera
