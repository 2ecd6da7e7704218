#include "tessera/tensor.hpp"
#include "core/deferred_tensor.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

namespace tessera {
namespace {

constexpr std::int64_t count = 6;

/// Counts what is asked of it. With `offset` the elements also lie somewhere, that many bytes behind an aligned place.
class Counting final : public ElementSource {
 public:
  explicit Counting(int offset = -1) : offset_(offset) {
    std::vector<float> elements(count);
    std::iota(elements.begin(), elements.end(), 1.0F);
    std::memcpy(bytes_.data() + std::max(offset, 0), elements.data(), count * sizeof(float));
  }
  void read(std::byte* target) const override {
    ++reads;
    std::memcpy(target, bytes_.data() + std::max(offset_, 0), count * sizeof(float));
  }
  [[nodiscard]] const std::byte* in_place() const noexcept override {
    return offset_ < 0 ? nullptr : bytes_.data() + offset_;
  }
  void release() const noexcept override { ++releases; }

  mutable int reads = 0, releases = 0;

 private:
  int offset_;
  AlignedBuffer bytes_{count * sizeof(float) + 8};
};

Tensor tensor_of(const std::shared_ptr<const Counting>& source) {
  return deferred_tensor(DataType::f32, Shape{2, 3}, source);
}

float last_of(const BorrowedElements& elements) {
  float value = 0;
  std::memcpy(&value, elements.data + (count - 1) * sizeof value, sizeof value);
  return value;
}

TEST(DeferredTensor, NothingIsReadBeforeItIsWanted) {
  const auto source = std::make_shared<const Counting>();
  const Tensor tensor = tensor_of(source);
  EXPECT_FALSE(tensor.empty());
  EXPECT_EQ(tensor.bytes(), count * sizeof(float));
  EXPECT_NE(identity_of(tensor), nullptr);
  EXPECT_EQ(source->reads, 0);
}

TEST(DeferredTensor, BorrowedElementsGoToTheScratchThatIsGiven) {
  const auto source = std::make_shared<const Counting>();
  const Tensor tensor = tensor_of(source);
  AlignedBuffer scratch;
  EXPECT_EQ(last_of(borrow(tensor, scratch)), 6.0F);
  const std::byte* const place = scratch.data();
  EXPECT_EQ(borrow(tensor, scratch).data, place) << "large enough: used again";
  EXPECT_EQ(source->reads, 2);
  scratch = AlignedBuffer(1000);
  EXPECT_EQ(last_of(borrow(tensor, scratch)), 6.0F);
  EXPECT_EQ(scratch.size(), tensor.bytes()) << "much too large: replaced";
  // What lies somewhere is not copied.
  const auto lying = std::make_shared<const Counting>(3);
  AlignedBuffer unused;
  EXPECT_EQ(borrow(tensor_of(lying), unused).data, lying->in_place());
  EXPECT_EQ(unused.size(), 0U);
}

TEST(DeferredTensor, ElementsThatAreAskedForAreReadOnceForAllCopies) {
  const auto source = std::make_shared<const Counting>();
  const Tensor tensor = tensor_of(source), reshaped = tensor.reshaped(Shape{6});
  EXPECT_EQ(tensor.as<float>()[5], 6.0F);
  EXPECT_EQ(reshaped.data(), tensor.data());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % cache_line, 0U);
  EXPECT_EQ(source->reads, 1);
}

TEST(DeferredTensor, BorrowedElementsAreNotKept) {
  const auto source = std::make_shared<const Counting>();
  const Tensor tensor = tensor_of(source);
  EXPECT_EQ(last_of(borrow(tensor)), 6.0F);
  EXPECT_EQ(last_of(borrow(tensor)), 6.0F);
  EXPECT_EQ(source->reads, 2);
}

TEST(DeferredTensor, ElementsThatLieSomewhereAreBorrowedThereAtAnyAlignment) {
  for (const int offset : {0, 1, 4}) {
    const auto source = std::make_shared<const Counting>(offset);
    const Tensor tensor = tensor_of(source);
    {
      const BorrowedElements elements = borrow(tensor);
      EXPECT_EQ(elements.data, source->in_place());
      EXPECT_EQ(last_of(elements), 6.0F);
      EXPECT_EQ(source->releases, 0);
    }
    EXPECT_EQ(source->releases, 1);
    EXPECT_EQ(source->reads, 0);
  }
}

TEST(DeferredTensor, TypedElementsAreAligned) {
  const auto misaligned = std::make_shared<const Counting>(1), aligned = std::make_shared<const Counting>(4);
  EXPECT_EQ(tensor_of(misaligned).as<float>()[5], 6.0F);
  EXPECT_EQ(misaligned->reads, 1);
  EXPECT_EQ(tensor_of(aligned).as<float>()[5], 6.0F);
  EXPECT_EQ(aligned->reads, 0);  // they are used where they lie
}

TEST(DeferredTensor, IdentityStaysWhatItIs) {
  const Tensor one = tensor_of(std::make_shared<const Counting>()), copy = one;
  const Tensor other = tensor_of(std::make_shared<const Counting>());
  const void* before = identity_of(one);
  (void)one.data();
  EXPECT_EQ(identity_of(one), before);
  EXPECT_EQ(identity_of(copy), before);
  EXPECT_NE(identity_of(other), before);
}

TEST(AlignedBuffer, IsZeroAndMayBeReadPastItsEndInEverySize) {
  constexpr std::size_t large = std::size_t{2} << 20;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, large / 8 - buffer_slack, large / 8,
                                  large - buffer_slack, large - 1, large, 3 * large + 4097}) {
    AlignedBuffer buffer(bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % cache_line, 0U) << bytes;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < bytes + buffer_slack; ++i) sum += std::to_integer<std::size_t>(buffer.data()[i]);
    EXPECT_EQ(sum, 0U) << bytes;
    if (bytes > 0) std::memset(buffer.data(), 0xff, bytes);
  }
}

}  // namespace
}  // namespace tessera
