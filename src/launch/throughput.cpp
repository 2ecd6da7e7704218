#include "launch/throughput.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/error.hpp"
#include "formats/atomic_file.hpp"
#include "formats/json_parser.hpp"
#include "formats/json_writer.hpp"
#include "formats/mapped_file.hpp"

namespace tessera {

void write_throughput(const std::string& path, const std::vector<ThroughputRow>& rows) {
  JsonValue::Array list;
  for (const ThroughputRow& row : rows)
    list.emplace_back(JsonValue::Object{{"model", row.model}, {"case", row.name}, {"throughput_per_s", row.per_s}});
  AtomicFile file(path);
  file.write(to_json(list));
  file.commit();
}

std::vector<ThroughputRow> read_throughput(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return {};
  const auto file = MappedFile::open(path);
  std::vector<ThroughputRow> rows;
  try {
    const JsonValue list = parse_json(file->text());
    for (const JsonValue& row : list.elements())
      rows.push_back({row.at("model").get<std::string>(), row.at("case").get<std::string>(),
                      row.at("throughput_per_s").get<double>()});
  } catch (const JsonError& error) {
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
