#include "core/memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "tessera/error.hpp"

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

TEST(GrowingBuffer, KeepsWhatIsInItAndAddsZeros) {
  GrowingBuffer buffer;
  std::size_t before = 0;
  // Below and above a large page, and less than there is.
  for (const std::size_t bytes :
       {std::size_t{100}, std::size_t{5000}, std::size_t{3} << 20, std::size_t{1000}, (std::size_t{9} << 20) + 100}) {
    buffer.grow(bytes);
    ASSERT_EQ(buffer.size(), std::max(before, bytes));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % cache_line, 0U);
    const auto is = [](std::byte value) { return [value](std::byte b) { return b == value; }; };
    EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + before, is(std::byte{7}))) << bytes;
    EXPECT_TRUE(std::all_of(buffer.data() + before, buffer.data() + buffer.size() + buffer_slack, is(std::byte{0})))
        << bytes;
    std::fill_n(buffer.data(), buffer.size(), std::byte{7});
    before = buffer.size();
  }
}

TEST(GrowingBuffer, StaysAsItWasWhereThereIsNoMemory) {
  GrowingBuffer buffer;
  buffer.grow(10'000);
  std::fill_n(buffer.data(), buffer.size(), std::byte{7});
  EXPECT_THROW(buffer.grow(std::size_t{1} << 60), Error);
  EXPECT_EQ(buffer.size(), 10'000U);
  EXPECT_EQ(buffer.data()[9'999], std::byte{7});
}

}  // namespace
}  // namespace tessera
