#include "launch/instances.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/error.hpp"
#include "cpu/affinity.hpp"
#include "launch/throughput.hpp"

namespace tessera {
namespace {

struct Gathered {
  std::vector<std::string> lines;
  LaunchRequest request;

  explicit Gathered(std::vector<std::string> command, std::size_t instances = 2) {
    request.command = std::move(command);
    for (std::size_t i = 0; i < instances; ++i)
      request.placement.instances.push_back({{affinity_mask()[i % affinity_mask().size()]}, {0}});
    request.line = [this](std::size_t instance, bool is_error, std::string_view line) {
      lines.push_back(std::to_string(instance) + (is_error ? "!" : ":") + std::string(line));
    };
  }
};

TEST(Instances, EachRunsOnItsCpusWithItsVariables) {
  Gathered gathered(
      {"sh", "-c", "echo $WHO $(grep Cpus_allowed_list /proc/self/status | cut -f2); echo oh >&2; printf end"});
  gathered.request.environment = [](std::size_t i) {
    return std::vector<std::string>{"WHO=" + std::to_string(i * 10)};
  };
  const auto results = run_instances(gathered.request);
  std::ranges::sort(gathered.lines);
  const std::string first = std::to_string(gathered.request.placement.instances[0].cpus[0]);
  const std::string second = std::to_string(gathered.request.placement.instances[1].cpus[0]);
  EXPECT_EQ(gathered.lines,
            (std::vector<std::string>{"0!oh", "0:0 " + first, "0:end", "1!oh", "1:10 " + second, "1:end"}));
  for (const InstanceResult& result : results) {
    EXPECT_EQ(result.status, 0);
    EXPECT_TRUE(result.bound);
  }
}

TEST(Instances, OneThatFailsCostsTheOthersNothing) {
  Gathered gathered({"sh", "-c", "[ $WHO = 0 ] && exit 7; [ $WHO = 1 ] && kill -9 $$; echo fine"}, 3);
  gathered.request.environment = [](std::size_t i) { return std::vector<std::string>{"WHO=" + std::to_string(i)}; };
  const auto results = run_instances(gathered.request);
  EXPECT_EQ(results[0].status, 7);
  EXPECT_EQ(results[1].status, 128 + 9);
  EXPECT_EQ(results[2].status, 0);
  EXPECT_EQ(gathered.lines, (std::vector<std::string>{"2:fine"}));
}

TEST(Instances, ACpuThatDoesNotExistIsANoteNotAFailure) {
  Gathered gathered({"true"}, 1);
  gathered.request.placement.instances[0].cpus = {8000};
  std::vector<std::string> notes;
  gathered.request.note = [&](const std::string& note) { notes.push_back(note); };
  const auto results = run_instances(gathered.request);
  EXPECT_EQ(results[0].status, 0);
  EXPECT_FALSE(results[0].bound);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("without binding of CPUs 8000"), std::string::npos) << notes[0];
}

TEST(Instances, AProgramThatDoesNotExistIsAnError) {
  Gathered gathered({"no-such-program-anywhere"});
  EXPECT_THROW(run_instances(gathered.request), Error);
  Gathered nothing({});
  EXPECT_THROW(run_instances(nothing.request), Error);
}

TEST(Instances, LogsHoldWhatEachPrinted) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "launch logs";
  Gathered gathered({"sh", "-c", "echo out; echo err >&2"});
  gathered.request.log_dir = folder.string();
  run_instances(gathered.request);
  for (const char* name : {"instance-0.log", "instance-1.log"}) {
    std::ifstream in(folder / name);
    EXPECT_EQ((std::string(std::istreambuf_iterator<char>(in), {})), "out\nerr\n");
  }
  EXPECT_TRUE(gathered.lines.empty());
  std::filesystem::remove_all(folder);
}

TEST(Throughput, AddsUpByModelAndCase) {
  const std::string path = testing::TempDir() + "/throughput.json";
  write_throughput(path, {{"a", "fp32", 10}, {"a", "int8", 40}});
  const auto rows = read_throughput(path);
  std::filesystem::remove(path);
  EXPECT_TRUE(read_throughput(path).empty());
  const auto sums = add_up({rows, {{"a", "fp32", 12}}, {}});
  ASSERT_EQ(sums.size(), 2u);
  EXPECT_EQ(sums[0].instances, 2);
  EXPECT_DOUBLE_EQ(sums[0].per_s, 22);
  EXPECT_DOUBLE_EQ(sums[0].least, 10);
  EXPECT_DOUBLE_EQ(sums[0].most, 12);
  EXPECT_EQ(sums[1].name, "int8");
  EXPECT_EQ(sums[1].instances, 1);
}

}  // namespace
}  // namespace tessera
