// config.json of a model folder, read entry by entry with checks.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace tessera {

class FolderConfig {
 public:
  /// Error{invalid} naming the file when it is no JSON object.
  explicit FolderConfig(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] std::string text(const char* key, const std::string& missing = "") const;
  [[nodiscard]] bool flag(const char* key, bool missing) const;
  [[nodiscard]] double number(const char* key, double missing) const;
  /// A positive count, of at most a billion. Without `missing` the entry must be there.
  [[nodiscard]] std::int64_t count(const char* key) const;
  [[nodiscard]] std::int64_t count(const char* key, std::int64_t missing) const;
  /// The id of a token: 0 or more.
  [[nodiscard]] std::int64_t token(const char* key, std::int64_t missing) const;
  [[nodiscard]] const nlohmann::json& json() const noexcept { return json_; }

  [[noreturn]] void reject_entry(const std::string& key, const std::string& why, const std::string& remedy) const;

 private:
  [[nodiscard]] std::int64_t integer(const char* key, std::int64_t least) const;

  std::string path_;
  nlohmann::json json_;
};

}  // namespace tessera
