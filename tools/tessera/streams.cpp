#include "streams.hpp"

#include <charconv>
#include <optional>

#include "arguments.hpp"
#include "core/error.hpp"

namespace tessera::tool {
namespace {

constexpr int automatic = 0;

int number_of_streams(const std::string& word) {
  if (word == "auto") return automatic;
  int streams = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), streams);
  if (error != std::errc{} || end != word.data() + word.size() || streams < 1 || streams > most_threads)
    reject("--streams " + word, "is neither a number from 1 to " + std::to_string(most_threads) + " nor 'auto'",
           "write for example --streams 2, or --streams auto for one on each core");
  return streams;
}

int streams_for(const std::string& hint) {
  if (hint == "latency") return 1;
  if (hint == "throughput") return automatic;
  reject("--hint " + hint, "no such hint",
         "choose latency (one stream of all threads) or throughput (one stream on each core)");
}

}  // namespace

void add_stream_options(CLI::App& command, StreamWords& words) {
  command
      .add_option("--streams", words.streams,
                  "requests side by side, each with --threads threads on cores of its own; auto: one on each core [1]")
      ->type_name("N|auto");
  command.add_option("--hint", words.hint, "latency: as --streams 1, all threads for one request; throughput: as auto")
      ->type_name("latency|throughput");
}

int streams_option(const StreamWords& words) {
  std::optional<int> streams, hinted;
  if (!words.streams.empty()) streams = number_of_streams(words.streams);
  if (!words.hint.empty()) hinted = streams_for(words.hint);
  const bool one = streams == 1, hinted_one = hinted == 1;
  if (streams && hinted && one != hinted_one)
    reject("--hint " + words.hint, "--streams " + words.streams + " says the opposite", "leave out one of them");
  return streams.value_or(hinted.value_or(1));
}

}  // namespace tessera::tool
