// The hot path allocates nothing: operator new is replaced and counts. The sanitizers have their own operator new, so
// their builds leave this file empty; the release build counts.
#ifndef TESSERA_SANITIZED

#include <atomic>
#include <cstdlib>
#include <new>

#include "unit/engine/session_support.hpp"

namespace {

thread_local bool counting = false;
std::atomic<long> allocations{0};

void* counted(std::size_t bytes) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace tessera {
namespace {

using testing::SessionTest;

TEST_F(SessionTest, InferenceAllocatesNothing) {
  const Model model = Model::load(path_);
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8})
    for (const std::int64_t batch : {1, 5, 0}) {
      const int opt_level = batch == 0 ? 0 : 1;
      if (opt_level == 0 && precision != Precision::fp32) continue;
      const std::int64_t items = std::max<std::int64_t>(1, batch);
      Session session = model.compile({.precision = precision,
                                       .threads = 1,
                                       .opt_level = opt_level,
                                       .extents = {{"batch", items}},
                                       .calibration = {image(1)}});
      // Of five items four or less are a part, and some are left over: both ways of running are in this case.
      EXPECT_EQ(session.batch_split().part > 0 && session.batch_split().left > 0, items == 5);
      const TensorMap inputs = image(items);
      session.set_input("image", inputs.at("image"));
      session.infer();
      allocations = 0;
      counting = true;
      session.set_input("image", inputs.at("image"));
      session.infer();
      counting = false;
      EXPECT_EQ(allocations, 0) << name_of(precision) << " opt-level " << opt_level << " batch " << items;
    }
}

}  // namespace
}  // namespace tessera

#endif
