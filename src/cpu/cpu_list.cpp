#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/error.hpp"
#include "cpu/cores.hpp"

namespace tessera {
namespace {

constexpr int highest_cpu = 8191;  // Linux is built for at most 8192

/// The number that is the whole of `text`; -1 where it is none.
int number_in(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value <= highest_cpu ? value : -1;
}

}  // namespace

std::vector<int> parse_cpu_list(const std::string& text, const std::string& subject) {
  std::vector<int> cpus;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const int first = number_in(std::string_view(part).substr(0, dash));
    const int last = dash == std::string::npos ? first : number_in(std::string_view(part).substr(dash + 1));
    if (first < 0 || last < first)
      reject(subject, "'" + part + "' is neither a CPU nor a range of CPUs", "write for example 0-3,8");
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  if (cpus.empty()) reject(subject, "names no CPU", "write for example 0-3,8");
  std::ranges::sort(cpus);
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string cpu_list(std::vector<int> cpus) {
  std::ranges::sort(cpus);
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
    if (last > i) text += "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace tessera
