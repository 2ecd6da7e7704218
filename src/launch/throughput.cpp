#include "launch/throughput.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "formats/atomic_file.hpp"

namespace tessera {

void write_throughput(const std::string& path, const std::vector<ThroughputRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ThroughputRow& row : rows)
    list.push_back({{"model", row.model}, {"case", row.name}, {"throughput_per_s", row.per_s}});
  AtomicFile file(path);
  file.write(list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  file.commit();
}

std::vector<ThroughputRow> read_throughput(const std::string& path) {
  std::ifstream in(path);
  if (!in) return {};
  std::vector<ThroughputRow> rows;
  try {
    for (const nlohmann::json& row : nlohmann::json::parse(in))
      rows.push_back({row.at("model").get<std::string>(), row.at("case").get<std::string>(),
                      row.at("throughput_per_s").get<double>()});
  } catch (const nlohmann::json::exception& error) {
    reject(path, error.what(), "run the instance on its own to see what it does");
  }
  return rows;
}

std::vector<ThroughputSum> add_up(const std::vector<std::vector<ThroughputRow>>& instances) {
  std::vector<ThroughputSum> sums;
  for (const std::vector<ThroughputRow>& rows : instances)
    for (const ThroughputRow& row : rows) {
      auto sum = std::ranges::find_if(
          sums, [&](const ThroughputSum& other) { return other.model == row.model && other.name == row.name; });
      if (sum == sums.end()) sum = sums.insert(sums.end(), {row.model, row.name, 0, 0, row.per_s, row.per_s});
      ++sum->instances;
      sum->per_s += row.per_s;
      sum->least = std::min(sum->least, row.per_s);
      sum->most = std::max(sum->most, row.per_s);
    }
  return sums;
}

}  // namespace tessera
