// A model that is loaded, compiled and run while memory runs out; the same by way of a packed model.
#include <string>

#include "allocation/allocation_failure.hpp"

namespace tessera {
namespace {

using testing::Failing;

/// Loads, compiles for every precision and runs, alone and in a batch that is split.
class AllocationFailure : public testing::AllocationFailure {
 protected:
  [[nodiscard]] std::string work() const override {
    std::string results;
    const Model model = Model::load(path_);
    for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
      Session session = model.compile({.precision = precision, .threads = 2, .calibration = {inputs_}});
      append(results, session.run(inputs_));
      append(results, session.run(batch_));
    }
    return results;
  }

  TensorMap inputs_ = image(1), batch_ = image(5);
};

TEST_F(AllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(AllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

/// Writes a packed model, reads it back and runs it.
class PackedAllocationFailure : public testing::AllocationFailure {
 protected:
  [[nodiscard]] std::string work() const override {
    const std::string packed = (folder_ / "small.tsr").string();
    Model::load(path_).save_packed(packed, {.precision = Precision::int8, .threads = 2, .calibration = {inputs_}});
    const Model model = Model::load(packed);
    Session session = model.compile({.threads = 2});
    std::string results;
    append(results, session.run(inputs_));
    return results;
  }

  TensorMap inputs_ = image(1);
};

TEST_F(PackedAllocationFailure, OfEachAllocationOnce) {
  try_all(Failing::once);
}

TEST_F(PackedAllocationFailure, OfAllFromEachOn) {
  try_all(Failing::lasting);
}

}  // namespace
}  // namespace tessera
