// What happens when memory runs out: every allocation of some work fails once, and all fail from every one on. Nothing
// but an exception may come of it, what is done in spite of it must be right, and with memory again everything works.
//
// Where there are more than two thousand, three hundred places, spread over all of them, are tried by default;
// TESSERA_EVERY_ALLOCATION=1 tries each.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>

#include "allocation/failing_malloc.hpp"
#include "cpu/topology.hpp"
#include "unit/engine/session_support.hpp"

namespace tessera::testing {

class AllocationFailure : public SessionTest {
 protected:
  void SetUp() override {
    SessionTest::SetUp();
    name_failure_in_crashes();
    // What is read once and kept: hwloc does not survive a failed allocation of its own.
    detect_topology();
    prepare();
    expected_ = work();
  }

  /// Puts files where the work finds them.
  virtual void prepare() {}
  /// Returns all that it computes, byte for byte.
  [[nodiscard]] virtual std::string work() const = 0;

  static void append(std::string& bytes, const TensorMap& outputs) {
    for (const auto& [name, tensor] : outputs)
      bytes.append(reinterpret_cast<const char*>(tensor.data()), tensor.bytes());
  }

  void try_all(Failing how) {
    ASSERT_TRUE(survives(Failing::none, 0));
    const long all = allocations_;
    ASSERT_GT(all, 100);
    constexpr long places = 300, few = 2000;
    const bool each = all <= few || std::getenv("TESSERA_EVERY_ALLOCATION") != nullptr;
    const long step = each ? 1 : all / places;
    long failed = 0;
    for (long first = 1; first <= all; first += step) failed += survives(how, first) ? 0 : 1;
    EXPECT_GT(failed, std::min(all, places) / 2);
    EXPECT_TRUE(survives(Failing::none, 0));
  }

 private:
  /// Whether the work came to its end with these failures. Anything but an exception ends the program.
  bool survives(Failing how, long first) {
    std::optional<std::string> result;
    bool known = true;
    begin_failing(how, first);
    try {
      result = work();
    } catch (const Error&) {
    } catch (const std::bad_alloc&) {
    } catch (const std::exception&) {
      known = false;
    }
    allocations_ = end_failing();
    EXPECT_TRUE(known) << "allocation " << first << ": neither an Error nor std::bad_alloc";
    EXPECT_TRUE(!result || *result == expected_) << "allocation " << first << ": another result";
    return result.has_value();
  }

  std::string expected_;
  long allocations_ = 0;
};

}  // namespace tessera::testing
