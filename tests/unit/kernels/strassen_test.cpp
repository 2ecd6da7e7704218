// The additions of Strassen's product: every tier makes the bits of plain loops, and writes nothing else.
#include "unit/kernels/vector_support.hpp"

namespace tessera {
namespace {

using StrassenKernel = VectorKernelTest;
TESSERA_FOR_EACH_TIER(StrassenKernel);

using Bytes = std::vector<std::byte>;
constexpr std::size_t guard = 64;

/// Floats between -1 and 1, or any integers.
Bytes random_elements(std::mt19937& random, DataType type, std::int64_t count) {
  Bytes bytes(static_cast<std::size_t>(count) * size_of(type));
  std::uniform_real_distribution<float> real(-1.0F, 1.0F);
  for (std::size_t at = 0; at < bytes.size(); at += type == DataType::f32 ? 4 : 1) {
    if (type == DataType::f32) {
      const float x = real(random);
      std::memcpy(&bytes[at], &x, sizeof x);
    } else {
      bytes[at] = static_cast<std::byte>(random());
    }
  }
  return bytes;
}

Bytes untouched(std::size_t bytes) {
  return Bytes(bytes + 2 * guard, std::byte{0xa5});
}

/// Both kinds of additions of a tier, each beside its reference.
template <class Check>
void for_both(const VectorKernels& kernels, Check check) {
  const VectorKernels& reference = reference_vector_kernels();
  check(kernels.strassen_f32, reference.strassen_f32);
  check(kernels.strassen_words, reference.strassen_words);
}

TEST_P(StrassenKernel, MakesOperandsOfRows) {
  std::mt19937 random(1);
  for_both(kernels(), [&](const StrassenSums& tier, const StrassenSums& reference) {
    for (const std::int64_t half : {32, 96, 384}) {
      const Bytes first = random_elements(random, tier.pixel, 2 * half);
      const Bytes second = random_elements(random, tier.pixel, 2 * half);
      const std::int64_t stride = half * static_cast<std::int64_t>(size_of(tier.operand)) + 24;
      const auto run = [&](const StrassenSums& sums) {
        Bytes to = untouched(static_cast<std::size_t>(7 * stride));
        sums.rows({first.data(), second.data(), half, to.data() + guard, stride});
        return to;
      };
      EXPECT_EQ(run(tier), run(reference)) << half;
    }
  });
}

TEST_P(StrassenKernel, MakesSumsOfPanels) {
  std::mt19937 random(2);
  for_both(kernels(), [&](const StrassenSums& tier, const StrassenSums& reference) {
    for (const std::int64_t elements : {32, 512, 4000}) {
      const std::int64_t whole = elements / 32 * 32;
      const Bytes b = random_elements(random, tier.operand, 4 * whole);
      const std::byte* at[4];
      for (int i = 0; i < 4; ++i) at[i] = b.data() + i * whole * static_cast<std::int64_t>(size_of(tier.operand));
      const auto run = [&](const StrassenSums& sums) {
        Bytes to = untouched(b.size());
        sums.panels({at[0], at[1], at[2], at[3], to.data() + guard, whole});
        return to;
      };
      EXPECT_EQ(run(tier), run(reference)) << elements;
    }
  });
}

TEST_P(StrassenKernel, AddsSums) {
  std::mt19937 random(3);
  for_both(kernels(), [&](const StrassenSums& tier, const StrassenSums& reference) {
    const DataType type = tier.operand == DataType::f32 ? DataType::f32 : DataType::s32;
    constexpr std::int64_t elements = 208;
    const Bytes x = random_elements(random, type, elements), y = random_elements(random, type, elements);
    const Bytes before = random_elements(random, type, elements);
    for (const bool two : {false, true}) {
      for (const bool first : {false, true}) {
        const auto run = [&](const StrassenSums& sums) {
          Bytes to = untouched(before.size());
          std::memcpy(to.data() + guard, before.data(), before.size());
          sums.add({to.data() + guard, x.data(), two ? y.data() : nullptr, first, elements});
          return to;
        };
        EXPECT_EQ(run(tier), run(reference)) << two << first;
      }
    }
  });
}

}  // namespace
}  // namespace tessera
