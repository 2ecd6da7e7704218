#include "compile/layout/weight_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/deferred_tensor.hpp"

namespace tessera {
namespace {

Tensor weight(float value) {
  return Tensor::from<float>(Shape{1}, std::array{value});
}

float first_of(const PackedWeight& packed) {
  return *reinterpret_cast<const float*>(packed->data());
}

void copy_one(const std::byte* source, std::byte* packed) {
  std::copy_n(source, sizeof(float), packed);
}

TEST(WeightStore, PacksEachFormOnceAndOnlyWhenTold) {
  WeightStore store;
  std::atomic<int> packings = 0;
  const auto pack = [&](const std::byte* source, std::byte* packed) {
    ++packings;
    copy_one(source, packed);
  };
  const Tensor one = weight(1);
  const PackedWeight a = store.get(one, "a", 4, pack), again = store.get(one, "a", 4, pack);
  const PackedWeight other_form = store.get(one, "b", 4, pack), other = store.get(weight(2), "a", 4, pack);
  EXPECT_EQ(a, again);
  EXPECT_NE(a, other_form);
  EXPECT_EQ(packings, 0);
  store.pack(2);
  store.pack(2);
  EXPECT_EQ(packings, 3);
  EXPECT_EQ(first_of(a), 1.0F);
  EXPECT_EQ(first_of(other_form), 1.0F);
  EXPECT_EQ(first_of(other), 2.0F);
  EXPECT_EQ(store.bytes(), 12U);
}

TEST(WeightStore, AFormMayTellItsLengthWhenItIsMade) {
  WeightStore store;
  const Tensor one = weight(1);
  const auto make = [](const std::byte* source) {
    AlignedBuffer buffer(12);
    copy_one(source, buffer.data());
    return buffer;
  };
  const PackedWeight made = store.get(one, "made", make), again = store.get(one, "made", make);
  EXPECT_EQ(made, again);
  EXPECT_EQ(made->size(), 0U);
  store.pack(2);
  EXPECT_EQ(first_of(made), 1.0F);
  EXPECT_EQ(store.bytes(), 12U);
}

class CountedReads final : public ElementSource {
 public:
  void read(std::byte* target) const override {
    ++reads;
    *reinterpret_cast<float*>(target) = 5.0F;
  }
  mutable std::atomic<int> reads = 0;
};

TEST(WeightStore, ElementsAreReadOnceForAllThatIsMadeFromThem) {
  WeightStore store;
  const auto source = std::make_shared<const CountedReads>();
  const Tensor tensor = deferred_tensor(DataType::f32, Shape{1}, source);
  const PackedWeight a = store.get(tensor, "a", 4, copy_one), b = store.get(tensor, "b", 4, copy_one);
  EXPECT_EQ(source->reads, 0);
  store.pack(2);
  EXPECT_EQ(source->reads, 1);
  EXPECT_EQ(first_of(a), 5.0F);
  EXPECT_EQ(first_of(b), 5.0F);
}

TEST(WeightStore, AFactIsFoundOnceForEachConstantAndQuestion) {
  WeightStore store;
  const auto source = std::make_shared<const CountedReads>();
  const Tensor tensor = deferred_tensor(DataType::f32, Shape{1}, source);
  const auto double_of = [](const std::byte* elements) {
    return std::vector{2.0 * static_cast<double>(*reinterpret_cast<const float*>(elements))};
  };
  EXPECT_EQ(store.fact(tensor, "double", double_of), std::vector{10.0});
  EXPECT_EQ(store.fact(tensor, "double", double_of), std::vector{10.0});
  EXPECT_EQ(source->reads, 1);
  EXPECT_EQ(store.fact(tensor, "the same again", double_of), std::vector{10.0});
  EXPECT_EQ(source->reads, 2);
  EXPECT_EQ(store.fact(weight(4), "double", double_of), std::vector{8.0});
}

// Weights that do not come from the heap.
TEST(WeightStore, LargeWeightsArePackedEachInItsPlace) {
  WeightStore store;
  constexpr std::size_t bytes = 300'000;
  const auto fill = [](const std::byte* source, std::byte* packed) {
    for (std::size_t at = 0; at < bytes; at += sizeof(float)) std::copy_n(source, sizeof(float), packed + at);
  };
  std::vector<PackedWeight> packed;
  packed.reserve(20);
  for (int i = 0; i < 20; ++i) {
    packed.push_back(store.get(weight(static_cast<float>(i)), "form", bytes, fill));
    if (i == 9) store.pack(2);
  }
  store.pack(3);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    const auto* const elements = reinterpret_cast<const float*>(packed[i]->data());
    EXPECT_TRUE(std::all_of(elements, elements + bytes / sizeof(float),
                            [&](float element) { return element == static_cast<float>(i); }));
  }
}

TEST(WeightStore, ManyThreadsPackEverything) {
  WeightStore store;
  std::vector<PackedWeight> packed;
  packed.reserve(100);
  for (int i = 0; i < 100; ++i) packed.push_back(store.get(weight(static_cast<float>(i)), "form", 4, copy_one));
  store.pack(8);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(first_of(packed[static_cast<std::size_t>(i)]), static_cast<float>(i));
}

// Two sessions that are compiled at the same time: neither returns before what it shares with the other is packed.
TEST(WeightStore, WhoeverReturnsFindsItsWeightsPacked) {
  for (int round = 0; round < 50; ++round) {
    WeightStore store;
    std::vector<Tensor> tensors;
    tensors.reserve(8);
    for (int i = 0; i < 8; ++i) tensors.push_back(weight(static_cast<float>(i)));
    const auto compile = [&] {
      std::vector<PackedWeight> packed;
      packed.reserve(tensors.size());
      for (const Tensor& tensor : tensors) packed.push_back(store.get(tensor, "form", 4, copy_one));
      store.pack(2);
      for (int i = 0; i < 8; ++i) EXPECT_EQ(first_of(packed[static_cast<std::size_t>(i)]), static_cast<float>(i));
    };
    std::thread other(compile);
    compile();
    other.join();
  }
}

TEST(WeightStore, WhatFailedIsPackedByTheNextCall) {
  WeightStore store;
  bool fails = true;
  const auto pack = [&](const std::byte* source, std::byte* packed) {
    if (fails) throw std::runtime_error("no memory");
    copy_one(source, packed);
  };
  const PackedWeight packed = store.get(weight(3), "form", 4, pack);
  EXPECT_THROW(store.pack(1), std::runtime_error);
  fails = false;
  store.pack(1);
  EXPECT_EQ(first_of(packed), 3.0F);
}

}  // namespace
}  // namespace tessera
