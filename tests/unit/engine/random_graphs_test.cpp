// Random networks through whole sessions, against each other: every tier, any number of threads, items together or one
// by one must give the same bits in FP32 and INT8; what the passes made must agree with the graph as the file has it.
//
// TESSERA_RANDOM_GRAPHS sets the number of networks of each kind; a network is its own seed, so a failure says how to
// repeat it: TESSERA_RANDOM_GRAPHS_FROM is the first seed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "formats/onnx_writer.hpp"
#include "tessera/tessera.hpp"
#include "unit/engine/support.hpp"
#include "unit/support/random_graph.hpp"

namespace tessera {
namespace {

using namespace testing;  // NOLINT: the helpers of these tests

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

/// Root of the mean squared difference, as a share of that of `expected`.
double relative_error(const Tensor& actual, const Tensor& expected) {
  double error = 0, power = 0;
  for (std::size_t i = 0; i < expected.as<float>().size(); ++i) {
    const double difference = actual.as<float>()[i] - expected.as<float>()[i];
    error += difference * difference;
    power += static_cast<double>(expected.as<float>()[i]) * expected.as<float>()[i];
  }
  return power > 0 ? std::sqrt(error / power) : std::sqrt(error);
}

Tensor rows(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> dims(tensor.shape().begin(), tensor.shape().end());
  const std::size_t row = tensor.bytes() / static_cast<std::size_t>(dims[0]);
  dims[0] = count;
  Tensor part(tensor.type(), Shape(std::span<const std::int64_t>(dims)));
  std::memcpy(part.mutable_data(), tensor.data() + static_cast<std::size_t>(first) * row, part.bytes());
  return part;
}

class RandomGraphs : public ::testing::TestWithParam<const char*> {
 protected:
  static constexpr std::int64_t items = 3;

  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("tessera-random-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static RandomGraph network(std::uint32_t seed) {
    return std::string_view(GetParam()) == "images" ? random_image_network(seed) : random_encoder(seed);
  }
  [[nodiscard]] Model loaded(const RandomGraph& network) const {
    const std::string path = (folder_ / "random.onnx").string();
    write_onnx(network.graph, path);
    return Model::load(path);
  }

  /// Runs `check` on networks of as many seeds as are asked for; a failure stops it and shows the network.
  template <typename Check>
  void for_each_network(Check check) {
    const unsigned first = number_from("TESSERA_RANDOM_GRAPHS_FROM", 1),
                   count = number_from("TESSERA_RANDOM_GRAPHS", 25);
    for (unsigned seed = first; seed < first + count; ++seed) {
      const RandomGraph random = network(seed);
      try {
        check(random, loaded(random));
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
      ASSERT_FALSE(HasFailure()) << "seed " << seed << "\n" << to_text(random.graph);
    }
  }

  std::filesystem::path folder_;
};

void expect_same(const TensorMap& actual, const TensorMap& expected, const std::string& what) {
  for (const auto& [name, tensor] : expected) EXPECT_TRUE(same_bits(actual.at(name), tensor)) << name << ' ' << what;
}

void expect_near(const TensorMap& actual, const TensorMap& expected, double bound, const std::string& what) {
  for (const auto& [name, tensor] : expected)
    EXPECT_LE(relative_error(actual.at(name), tensor), bound) << name << ' ' << what;
}

/// Runs on each of `tiers`, with one thread and with three, all items together and one by one: always the same bits,
/// which are returned.
TensorMap one_answer(const Model& model, const TensorMap& x, SessionOptions options, const std::vector<Isa>& tiers) {
  std::optional<TensorMap> expected;
  const Tensor& items = x.begin()->second;
  options.extents = {{"batch", items.shape()[0]}};
  for (const Isa isa : tiers) {
    for (const int threads : {1, 3}) {
      options.isa = isa;
      options.threads = threads;
      const std::string what = std::string(name_of(options.precision)) + ' ' + std::string(name_of(isa)) +
                               ", threads " + std::to_string(threads);
      Session session = model.compile(options);
      const TensorMap together = session.run(x);
      if (!expected) expected = together;
      expect_same(together, *expected, what);
      for (std::int64_t i = 0; i < items.shape()[0]; ++i) {
        TensorMap of_item;
        for (const auto& [name, tensor] : *expected) of_item[name] = rows(tensor, i, 1);
        expect_same(session.run({{"x", rows(items, i, 1)}}), of_item,
                    "of item " + std::to_string(i) + " alone, " + what);
      }
    }
  }
  return *expected;
}

TEST_P(RandomGraphs, Fp32HasTheSameBitsEverywhereAndIsNearTheGraphAsWritten) {
  for_each_network([](const RandomGraph& random, const Model& model) {
    const TensorMap x = random_items(random, items, 1);
    const TensorMap answer = one_answer(model, x, {.precision = Precision::fp32}, tiers_here());
    const TensorMap as_written =
        model.compile({.isa = Isa::avx2, .threads = 1, .opt_level = 0, .extents = {{"batch", items}}}).run(x);
    // Twenty layers of sums of up to 400 products, some by Winograd's F(4x4), which errs about ten times as much as the
    // direct sum: 20 x 10 x sqrt(400) roundings of 2^-25 would be 1e-4 if none cancelled.
    expect_near(answer, as_written, 1e-4, "against opt-level 0");
  });
}

TEST_P(RandomGraphs, Int8HasTheSameBitsEverywhereAndIsNearItsFile) {
  for_each_network([this](const RandomGraph& random, const Model& model) {
    const TensorMap x = random_items(random, items, 1);
    SessionOptions options{.precision = Precision::int8};
    for (std::uint32_t seed = 1; seed <= 2; ++seed) options.calibration.push_back(random_items(random, items, seed));
    const TensorMap answer = one_answer(model, x, options, tiers_here());

    const ItemSource source{static_cast<std::int64_t>(options.calibration.size()),
                            [&](std::int64_t i) { return options.calibration[static_cast<std::size_t>(i)]; },
                            {},
                            items};
    const std::string path = (folder_ / "int8.onnx").string();
    QuantizeOptions quick;
    quick.sensitivity = false;
    model.quantize(source, quick).save(path);
    const Model file = Model::load(path);
    expect_same(file.compile({.threads = 1}).run(x), answer, "of the file");
    // Where a sum lies between two codes, floats as the file has them and exact integers may take either: one step of
    // 255 in some elements of some layers.
    const TensorMap as_written =
        file.compile({.isa = Isa::avx2, .threads = 1, .opt_level = 0, .extents = {{"batch", items}}}).run(x);
    expect_near(answer, as_written, 0.02, "against opt-level 0");
  });
}

TEST_P(RandomGraphs, Bf16HasTheSameBitsForAnyThreadsAndIsNearFp32) {
  for_each_network([](const RandomGraph& random, const Model& model) {
    const TensorMap x = random_items(random, items, 1);
    const TensorMap fp32 = model.compile({.isa = Isa::avx2, .threads = 1}).run(x);
    for (const Isa isa : tiers_here()) {
      const TensorMap answer = one_answer(model, x, {.precision = Precision::bf16}, {isa});
      // Numbers keep 8 bits: 2^-9 for each of twenty layers, if none cancelled.
      expect_near(answer, fp32, 20.0 / 512, "against fp32 on " + std::string(name_of(isa)));
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Of, RandomGraphs, ::testing::Values("images", "encoders"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace tessera
