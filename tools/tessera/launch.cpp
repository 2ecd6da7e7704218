// tessera launch: instances of a command side by side, each on cores of its own.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command.hpp"
#include "compare/format.hpp"
#include "core/error.hpp"
#include "cpu/cores.hpp"
#include "cpu/topology.hpp"
#include "launch/instances.hpp"
#include "launch/throughput.hpp"

namespace tessera::tool {
namespace {

namespace fs = std::filesystem;

struct LaunchWords {
  std::optional<int> instances, cores_per_instance;
  std::string cpus;
  std::optional<std::string> log_dir;
  std::vector<std::string> command;
  bool latency = false, throughput = false, numa = false, json = false, dry_run = false;
};

/// Where instances leave what they achieved; gone when the launcher ends.
class ResultFolder {
 public:
  ResultFolder() {
    std::string name = (fs::temp_directory_path() / "tessera-launch-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail(name, "cannot be made", "set TMPDIR to a folder that can be written");
    folder_ = name;
  }
  ~ResultFolder() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  [[nodiscard]] std::string file(std::size_t instance) const {
    return (folder_ / (std::to_string(instance) + ".json")).string();
  }

 private:
  fs::path folder_;
};

/// The CPUs that instances may use: those of this process, or of them those that --cpus lists.
std::vector<int> usable_cpus(const LaunchWords& words, const Topology& topology) {
  if (words.cpus.empty()) return topology.allowed_cpus;
  std::vector<int> missing, chosen = parse_cpu_list(words.cpus, "--cpus " + words.cpus);
  for (const int cpu : chosen)
    if (std::ranges::find(topology.allowed_cpus, cpu) == topology.allowed_cpus.end()) missing.push_back(cpu);
  if (!missing.empty())
    reject("--cpus " + words.cpus, "CPU " + cpu_list(missing) + " may not be used by this process",
           "choose among " + cpu_list(topology.allowed_cpus));
  return chosen;
}

Placement place(const LaunchWords& words) {
  const Topology topology = detect_topology();
  PlacementRequest request;
  request.instances = words.instances;
  request.cores_per_instance = words.cores_per_instance;
  if (words.latency) request.goal = LaunchGoal::latency;
  if (words.throughput) request.goal = LaunchGoal::throughput;
  request.chosen_cpus = !words.cpus.empty();
  request.quota_cpus = topology.quota_cpus;
  return place_instances(read_cores(usable_cpus(words, topology)), request);
}

std::string nodes_of(const InstancePlace& place) {
  return cpu_list(place.nodes);
}

/// For programs that count CPUs by themselves. A value that the user set stays.
std::vector<std::string> environment_of(const InstancePlace& place, const std::string& result_file) {
  std::vector<std::string> variables = {std::string(launch_result_variable) + "=" + result_file};
  if (std::getenv("OMP_NUM_THREADS") == nullptr)
    variables.push_back("OMP_NUM_THREADS=" + std::to_string(place.cpus.size()));
  return variables;
}

nlohmann::ordered_json instance_json(const InstancePlace& place) {
  return {{"cpus", place.cpus}, {"nodes", place.nodes}};
}

void print_json(const Placement& placement, const std::vector<InstanceResult>& results,
                const std::vector<ThroughputSum>& sums) {
  nlohmann::ordered_json json = {{"instances", nlohmann::ordered_json::array()},
                                 {"throughput", nlohmann::ordered_json::array()},
                                 {"notes", placement.notes}};
  for (std::size_t i = 0; i < placement.instances.size(); ++i) {
    nlohmann::ordered_json row = instance_json(placement.instances[i]);
    if (i < results.size()) {
      row["status"] = results[i].status;
      row["seconds"] = results[i].seconds;
      row["bound"] = results[i].bound;
    }
    json["instances"].push_back(std::move(row));
  }
  for (const ThroughputSum& sum : sums)
    json["throughput"].push_back({{"model", sum.model},
                                  {"case", sum.name},
                                  {"instances", sum.instances},
                                  {"per_s", sum.per_s},
                                  {"least", sum.least},
                                  {"most", sum.most}});
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_placement(const Placement& placement) {
  for (std::size_t i = 0; i < placement.instances.size(); ++i) {
    const InstancePlace& place = placement.instances[i];
    std::printf("instance %zu  CPUs %s  NUMA %s\n", i, cpu_list(place.cpus).c_str(), nodes_of(place).c_str());
  }
}

void print_sums(const std::vector<ThroughputSum>& sums) {
  for (const ThroughputSum& sum : sums)
    std::printf("%s  %s  %s per s from %d instance%s (%s to %s each)\n", sum.model.c_str(), sum.name.c_str(),
                milliseconds(sum.per_s).c_str(), sum.instances, sum.instances == 1 ? "" : "s",
                milliseconds(sum.least).c_str(), milliseconds(sum.most).c_str());
}

/// One line whole, even where several instances print at once.
void pass_line(bool to_stderr, std::size_t instance, std::string_view line) {
  std::FILE* const out = to_stderr ? stderr : stdout;
  std::fprintf(out, "[%zu] %.*s\n", instance, static_cast<int>(line.size()), line.data());
}

int launch(const LaunchWords& words, const Context& context) {
  const Placement placement = place(words);
  const auto note = [&](const std::string& text) {
    if (!context.quiet) print_note(text);
  };
  for (const std::string& text : placement.notes) note(text);
  if (words.dry_run) {
    if (words.json)
      print_json(placement, {}, {});
    else
      print_placement(placement);
    return 0;
  }
  const ResultFolder folder;
  LaunchRequest request;
  request.command = words.command;
  request.placement = placement;
  request.bind_memory = words.numa;
  request.log_dir = words.log_dir.value_or("");
  request.environment = [&](std::size_t i) { return environment_of(placement.instances[i], folder.file(i)); };
  request.note = note;
  // A single instance keeps the terminal; of several, or where standard output is our JSON, lines are marked.
  if (placement.instances.size() > 1 || words.json)
    request.line = [&](std::size_t instance, bool is_error, std::string_view line) {
      pass_line(is_error || words.json, instance, line);
    };
  const std::vector<InstanceResult> results = run_instances(request);
  std::vector<std::vector<ThroughputRow>> rows;
  int status = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    rows.push_back(read_throughput(folder.file(i)));
    if (results[i].status == 0) continue;
    if (status == 0) status = results[i].status;
    note("instance " + std::to_string(i) + " ended with status " + std::to_string(results[i].status));
  }
  if (words.json)
    print_json(placement, results, add_up(rows));
  else
    print_sums(add_up(rows));
  return status;
}

}  // namespace

void add_launch(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("launch", "run instances of a command, each pinned to cores of its own");
  auto words = std::make_shared<LaunchWords>();
  command->add_option("--instances", words->instances, "how many [1, or as the other options say]")
      ->type_name("N")
      ->check(between(1, 8192));
  auto* size = command->add_option("--cores-per-instance", words->cores_per_instance, "physical cores of each")
                   ->type_name("N")
                   ->check(between(1, 8192));
  auto* latency = command->add_flag("--latency", words->latency, "one instance for each NUMA node, with all its cores");
  command->add_flag("--throughput", words->throughput, "one instance for each core")->excludes(latency)->excludes(size);
  latency->excludes(size);
  command->add_option("--cpus", words->cpus, "use these CPUs only [those of this process]")->type_name("LIST");
  command->add_flag("--numa", words->numa, "memory only from the NUMA nodes of the instance's cores");
  command->add_option("--log-dir", words->log_dir, "what instance i prints goes to DIR/instance-i.log")
      ->type_name("DIR");
  command->add_flag("--dry-run", words->dry_run, "say which cores each would get, and start nothing");
  command->add_flag("--json", words->json, "print instances and throughput as JSON");
  command->add_option("command", words->command, "the program and its words, behind --")->type_name("COMMAND");
  command->positionals_at_end();
  command->footer(
      "  tessera launch --throughput -- tessera compare --case int8 --max-seconds 20\n"
      "Each instance may use one hardware thread of each of its cores, and Tessera takes as many threads as it may "
      "use.\n"
      "The throughput of `tessera compare` instances is added up. Exit status: that of the first\n"
      "instance that failed.");
  command->callback([words, &context] {
    if (words->command.empty() && !words->dry_run)
      reject("tessera launch", "no command given", "write it behind --, for example: -- tessera compare");
    if (words->log_dir && words->log_dir->empty()) reject("--log-dir", "its name is empty", "name a folder");
    context.action = [words, &context] { return launch(*words, context); };
  });
}

}  // namespace tessera::tool
