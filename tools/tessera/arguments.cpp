#include "arguments.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "compare/cases.hpp"
#include "core/error.hpp"
#include "cpu/topology.hpp"
#include "terminal.hpp"

namespace tessera::tool {
namespace {

std::string isa_names() {
  std::string names;
  for (const Isa isa : all_isas) names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  return names;
}

std::string lower(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return word;
}

/// Values of ONEDNN_MAX_CPU_ISA that are no tier here: nothing means no ceiling.
struct ForeignIsa {
  std::string_view name;
  std::optional<Isa> tier;
};
constexpr std::array foreign_isas = {ForeignIsa{"default", std::nullopt},
                                     ForeignIsa{"all", std::nullopt},
                                     ForeignIsa{"avx2_vnni_2", Isa::avx2_vnni},
                                     ForeignIsa{"avx512_core_fp16", Isa::avx512_core_bf16},
                                     ForeignIsa{"avx10_1_512", Isa::avx512_core_bf16},
                                     ForeignIsa{"avx512_core_amx_fp16", Isa::avx512_core_amx},
                                     ForeignIsa{"avx10_1_512_amx", Isa::avx512_core_amx},
                                     ForeignIsa{"avx10_1_512_amx_fp16", Isa::avx512_core_amx}};

void require_extent(const Model& model, const char* option, std::int64_t actual, std::optional<int> wanted) {
  if (!wanted || actual == *wanted) return;
  reject(std::string(option) + " " + std::to_string(*wanted),
         "the inputs given or model " + model.name() + " fix it to " + std::to_string(actual),
         "leave out " + std::string(option));
}

}  // namespace

Isa isa_option(const std::string& word) {
  if (const auto isa = isa_from_name(word)) return *isa;
  reject("--isa " + word, "no such instruction set", "choose one of " + isa_names());
}

Precision precision_option(const std::string& word) {
  if (const auto precision = precision_from_name(word)) return *precision;
  reject("--precision " + word, "no such precision", "choose fp32, bf16, int8 or int8-dynamic");
}

std::optional<Isa> isa_ceiling(const std::string& tessera_value, const std::string& onednn_value) {
  const bool own = !tessera_value.empty();
  const std::string& value = own ? tessera_value : onednn_value;
  if (value.empty()) return std::nullopt;
  if (const auto isa = isa_from_name(value)) return isa;
  for (const ForeignIsa& foreign : foreign_isas)
    if (lower(value) == foreign.name) return foreign.tier;
  reject(std::string(own ? "TESSERA_MAX_CPU_ISA" : "ONEDNN_MAX_CPU_ISA") + "=" + value,
         "no instruction set of this program", "set TESSERA_MAX_CPU_ISA to one of " + isa_names());
}

std::optional<Isa> isa_ceiling_from_environment() {
  return isa_ceiling(environment("TESSERA_MAX_CPU_ISA"), environment("ONEDNN_MAX_CPU_ISA"));
}

void warn_of_threads(int threads, const Context& context, int streams) {
  const int usable = detect_topology().usable_cpus();
  const int all = std::max(threads, 1) * std::max(streams, 1);
  if (context.quiet || all <= usable) return;
  const std::string cpus = "the " + std::to_string(usable) + " usable CPU" + (usable == 1 ? "" : "s");
  if (streams > 1)
    print_note(std::to_string(streams) + " streams x " + std::to_string(std::max(threads, 1)) + " are more than " +
               cpus + ": they take turns, and --streams auto would be faster");
  else
    print_note("--threads " + std::to_string(threads) + " is more than " + cpus +
               ": threads wait for each other, which is several times slower than --threads " + std::to_string(usable));
}

Isa choose_isa(const std::string& word, bool strict, const Context& context) {
  const Availability why_not = availability_here();
  const Isa best = best_isa_below(why_not, isa_ceiling_from_environment());
  if (word.empty()) return best;
  const Isa wanted = isa_option(word);
  const auto reason = why_not(wanted);
  if (!reason) return wanted;
  if (strict)
    throw Error(ErrorKind::unavailable, "--isa " + word, *reason,
                "leave out --strict to run on " + std::string(name_of(best)));
  if (!context.quiet)
    print_note("--isa " + word + " is not available here (" + *reason + "), running on " + std::string(name_of(best)));
  return best;
}

std::map<std::string, std::int64_t> extents_of(std::optional<int> batch, std::optional<int> seq) {
  std::map<std::string, std::int64_t> extents;
  if (batch) extents["batch"] = *batch;
  if (seq) extents["seq"] = *seq;
  return extents;
}

std::vector<std::int64_t> extent_list(const char* option, const std::string& word) {
  constexpr std::int64_t most = 65536;
  std::vector<std::int64_t> values;
  for (std::size_t begin = 0; !word.empty() && begin <= word.size();) {
    const std::size_t end = std::min(word.find(',', begin), word.size());
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(word.data() + begin, word.data() + end, value);
    if (error != std::errc{} || stop != word.data() + end || value < 1 || value > most)
      reject(std::string(option) + " " + word, "'" + word.substr(begin, end - begin) + "' is no number from 1 to 65536",
             "give one number, or several with commas between them, as in " + std::string(option) + " 1,4,16");
    if (std::ranges::find(values, value) == values.end()) values.push_back(value);
    begin = end + 1;
  }
  return values;
}

void require_extents(const Model& model, const TensorMap& inputs, std::optional<int> batch, std::optional<int> seq) {
  for (const TensorInfo& info : model.inputs()) {
    const auto found = inputs.find(info.name);
    if (found == inputs.end()) continue;
    const Shape& shape = found->second.shape();
    if (shape.rank() > 0) require_extent(model, "--batch", shape[0], batch);
    if (shape.rank() == 2 && info.type == DataType::i64) require_extent(model, "--seq", shape[1], seq);
  }
}

}  // namespace tessera::tool
