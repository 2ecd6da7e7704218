// A session with any batch and length, from any thread, on several streams.
#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "engine/stream_places.hpp"
#include "tessera/tessera.hpp"
#include "unit/engine/session_support.hpp"
#include "unit/support/test_data.hpp"

namespace tessera {
namespace {

const Model& text_model() {
  static const Model model = Model::load(test_data("text/model.onnx"));
  return model;
}

std::map<std::string, std::int64_t> extents(std::int64_t batch, std::int64_t seq) {
  return {{"batch", batch}, {"seq", seq}};
}

TensorMap request(std::int64_t batch, std::int64_t seq) {
  return text_model().random_inputs(extents(batch, seq), static_cast<std::uint64_t>(batch * 100 + seq));
}

/// By a session that was compiled for just these extents. Kept: to be asked first where one thread runs.
const TensorMap& expected(std::int64_t batch, std::int64_t seq) {
  static std::map<std::pair<std::int64_t, std::int64_t>, TensorMap> known;
  const auto found = known.find({batch, seq});
  if (found != known.end()) return found->second;
  Session session = text_model().compile({.threads = 1, .extents = extents(batch, seq)});
  for (const auto& [name, tensor] : request(batch, seq)) session.set_input(name, tensor);
  session.infer();
  TensorMap outputs;
  for (const TensorInfo& output : session.outputs()) outputs[output.name] = session.output(output.name);
  return known[{batch, seq}] = std::move(outputs);
}

bool same_bits(const TensorMap& a, const TensorMap& b) {
  return a.size() == b.size() && std::ranges::equal(a, b, [](const auto& x, const auto& y) {
           return x.first == y.first && x.second.shape() == y.second.shape() &&
                  std::memcmp(x.second.data(), y.second.data(), x.second.bytes()) == 0;
         });
}

constexpr std::pair<std::int64_t, std::int64_t> shapes[] = {{1, 1}, {3, 17}, {1, 64}, {2, 5}, {8, 33}, {1, 2}};

TEST(AnyShape, RunGivesTheBitsOfASessionCompiledForIt) {
  for (const int threads : {1, 2}) {
    Session session = text_model().compile({.threads = threads, .extents = extents(1, 16)});
    for (int round = 0; round < 2; ++round)
      for (const auto& [batch, seq] : shapes)
        EXPECT_TRUE(same_bits(session.run(request(batch, seq)), expected(batch, seq))) << batch << "x" << seq;
  }
}

TEST(AnyShape, WhatInferLeftIsItsOwnAfterTheInputsAreSetAgain) {
  Session session = text_model().compile({.threads = 2, .extents = extents(2, 5)});
  session.run(request(8, 33));
  for (const auto& [name, tensor] : request(2, 5)) session.set_input(name, tensor);
  session.infer();
  EXPECT_EQ(std::memcmp(session.output("logits").data(), expected(2, 5).at("logits").data(), 2 * 4 * sizeof(float)), 0);
  session.prepare(extents(3, 17));
  EXPECT_EQ(session.inputs()[0].shape, (std::vector<std::string>{"3", "17"}));
  for (const auto& [name, tensor] : request(3, 17)) session.set_input(name, tensor);
  session.infer();
  EXPECT_EQ(session.output("logits").shape(), (Shape{3, 4}));
}

TEST(AnyShape, PlansStayBelowTheirBound) {
  Session session = text_model().compile({.threads = 1, .extents = extents(1, 16), .plan_cache_bytes = 1 << 20});
  for (std::int64_t seq = 1; seq <= 40; ++seq) session.run(request(1, seq));
  const MemoryInfo memory = session.memory();
  EXPECT_LE(memory.plans, std::size_t{1} << 20);
  EXPECT_GT(memory.plan_count, 1u);
  EXPECT_LT(memory.plan_count, 40u);
  EXPECT_TRUE(same_bits(session.run(request(1, 1)), expected(1, 1)));
}

TEST(AnyShape, FixedExtentsRefuseOthers) {
  Session session = text_model().compile({.threads = 1, .extents = extents(2, 5), .fixed_extents = true});
  EXPECT_TRUE(same_bits(session.run(request(2, 5)), expected(2, 5)));
  EXPECT_THROW(session.run(request(2, 6)), Error);
}

TEST(AnyShape, WrongInputsAreNamed) {
  Session session = text_model().compile({.threads = 1});
  TensorMap inputs = request(1, 8);
  inputs["no_such"] = inputs["input_ids"];
  EXPECT_THROW(session.run(inputs), Error);
  inputs = request(1, 8);
  inputs["attention_mask"] = request(1, 9)["attention_mask"];  // disagrees about the length
  EXPECT_THROW(session.run(inputs), Error);
  inputs = request(1, 8);
  inputs.erase("attention_mask");
  EXPECT_THROW(session.run(inputs), Error);
  EXPECT_TRUE(same_bits(session.run(request(1, 8)), expected(1, 8)));
}

TEST(SharedSession, AnyNumberOfThreadsMayRunIt) {
  for (const auto& [batch, seq] : shapes) static_cast<void>(expected(batch, seq));
  for (const int streams : {1, 2})
    for (const int threads : {1, 2}) {
      Session session = text_model().compile({.threads = threads, .streams = streams});
      std::atomic<int> wrong = 0;
      std::vector<std::thread> users;
      for (int user = 0; user < 4; ++user)
        users.emplace_back([&, user] {
          for (int i = 0; i < 12; ++i) {
            const auto& [batch, seq] = shapes[static_cast<std::size_t>(user + i) % std::size(shapes)];
            if (!same_bits(session.run(request(batch, seq)), expected(batch, seq))) ++wrong;
          }
        });
      for (std::thread& user : users) user.join();
      EXPECT_EQ(wrong, 0) << streams << " streams of " << threads;
    }
}

TEST(SharedSession, ASecondThreadInTheBoundCallsIsToldSo) {
  Session session = text_model().compile({.threads = 1, .extents = extents(4, 64)});
  for (const auto& [name, tensor] : request(4, 64)) session.set_input(name, tensor);
  std::atomic<int> refused = 0;
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) try {
        session.infer();
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::invalid) ++refused;
      }
  });
  for (int i = 0; i < 100000 && refused == 0; ++i) try {
      session.infer();
    } catch (const Error&) {
      ++refused;
    }
  stop = true;
  other.join();
  EXPECT_GT(refused, 0);
}

TEST(SharedSession, AsyncRequestsGiveTheSameBits) {
  Session session = text_model().compile({.threads = 1, .streams = 2});
  std::vector<std::future<TensorMap>> results;
  for (const auto& [batch, seq] : shapes) results.push_back(session.run_async(request(batch, seq)));
  for (std::size_t i = 0; i < results.size(); ++i)
    EXPECT_TRUE(same_bits(results[i].get(), expected(shapes[i].first, shapes[i].second)));
  EXPECT_THROW(session.run_async({}).get(), Error);
  std::promise<std::size_t> called;
  session.run_async(request(1, 4),
                    [&](const TensorMap& outputs, const std::exception_ptr&) { called.set_value(outputs.size()); });
  EXPECT_EQ(called.get_future().get(), 1u);
}

TEST(SharedSession, WhatWasTakenIsDoneBeforeItEnds) {
  std::future<TensorMap> result;
  {
    Session session = text_model().compile({.threads = 1});
    for (int i = 0; i < 5; ++i) result = session.run_async(request(2, 5));
  }
  EXPECT_TRUE(same_bits(result.get(), expected(2, 5)));
}

TEST(SharedSession, AFullQueueRefuses) {
  Session session = text_model().compile({.threads = 1, .queue_limit = 2});
  int refused = 0;
  std::vector<std::future<TensorMap>> results;
  for (int i = 0; i < 200; ++i) try {
      results.push_back(session.run_async(request(8, 33)));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::failed);
      ++refused;
    }
  EXPECT_GT(refused, 0);
  for (auto& result : results) EXPECT_EQ(result.get().size(), 1u);
}

std::vector<Core> two_nodes() {
  return {{{0, 8}, 0}, {{1, 9}, 0}, {{2, 10}, 0}, {{3, 11}, 0}, {{4, 12}, 1}, {{5, 13}, 1}, {{6, 14}, 1}, {{7, 15}, 1}};
}

using Places = std::vector<std::vector<int>>;

TEST(StreamPlaces, ShareOutTheCores) {
  EXPECT_EQ(place_streams({}, two_nodes(), 0).cpus, (Places{{0, 1, 2, 3, 4, 5, 6, 7}}));
  EXPECT_EQ(place_streams({.streams = 2}, two_nodes(), 0).cpus, (Places{{0, 1, 2, 3}, {4, 5, 6, 7}}));
  EXPECT_EQ(place_streams({.threads = 2, .streams = 0}, two_nodes(), 0).cpus, (Places{{0, 1}, {2, 3}, {4, 5}, {6, 7}}));
  EXPECT_EQ(place_streams({.streams = 0, .numa_node = 1}, two_nodes(), 0).cpus, (Places{{4}, {5}, {6}, {7}}));
  EXPECT_EQ(place_streams({.threads = 1, .streams = 2, .cpus = {9, 3}}, two_nodes(), 0).cpus, (Places{{9}, {3}}));
}

TEST(StreamPlaces, RespectQuotasAndPinNothingTwice) {
  EXPECT_EQ(place_streams({}, two_nodes(), 1.5).threads, 1);
  EXPECT_EQ(place_streams({}, two_nodes(), 0.5).threads, 1);
  EXPECT_EQ(place_streams({.streams = 0}, two_nodes(), 3.5).cpus.size(), 3u);
  EXPECT_EQ(place_streams({.threads = 3, .streams = 4}, two_nodes(), 0).cpus, (Places{{}, {}, {}, {}}));
  EXPECT_EQ(place_streams({.pin = false, .streams = 2}, two_nodes(), 0).cpus, (Places{{}, {}}));
}

TEST(StreamPlaces, RefuseWhatIsNotThere) {
  EXPECT_THROW(place_streams({.cpus = {3, 99}}, two_nodes(), 0), Error);
  EXPECT_THROW(place_streams({.numa_node = 2}, two_nodes(), 0), Error);
  EXPECT_THROW(place_streams({.streams = -1}, two_nodes(), 0), Error);
  EXPECT_THROW(place_streams({.threads = 1025}, two_nodes(), 0), Error);
}

}  // namespace
}  // namespace tessera
