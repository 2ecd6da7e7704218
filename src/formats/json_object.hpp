// A JSON object that somebody else wrote, read entry by entry with checks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/json_value.hpp"

namespace tessera {

class JsonObject {
 public:
  /// Error{invalid} naming the file when it cannot be read or is no JSON object.
  explicit JsonObject(const std::string& path);
  JsonObject(JsonValue json, std::string origin);
  /// The file's, or an object without entries where there is none.
  static JsonObject if_there(const std::string& path);

  /// The file, for messages.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool has(const char* key) const noexcept { return find(key) != nullptr; }
  /// The entry as it is; nullptr where it is missing or null.
  [[nodiscard]] const JsonValue* find(const char* key) const noexcept;
  /// An entry that must be there and be a list; `remedy` is for where it is not.
  [[nodiscard]] const JsonValue::Array& list(const char* key, const char* remedy) const;
  [[nodiscard]] std::string text(const char* key, const std::string& missing = "") const;
  [[nodiscard]] bool flag(const char* key, bool missing) const;
  [[nodiscard]] double number(const char* key, double missing) const;
  /// A positive count, of at most a billion. Without `missing` the entry must be there.
  [[nodiscard]] std::int64_t count(const char* key) const;
  [[nodiscard]] std::int64_t count(const char* key, std::int64_t missing) const;
  /// The id of a token: 0 or more.
  [[nodiscard]] std::int64_t token(const char* key, std::int64_t missing) const;
  /// An entry that is itself an object, or a list of them; the latter may be missing.
  [[nodiscard]] JsonObject object(const char* key) const;
  [[nodiscard]] std::vector<JsonObject> objects(const char* key) const;
  [[nodiscard]] const JsonValue& json() const noexcept { return *json_; }

  [[noreturn]] void reject_entry(const std::string& key, const std::string& why, const std::string& remedy) const;

 private:
  JsonObject(const JsonValue& part, const JsonObject& whole, const std::string& key);
  [[nodiscard]] std::int64_t integer(const char* key, const JsonValue& entry, std::int64_t least) const;

  std::string path_;
  std::shared_ptr<const JsonValue> root_;  ///< what json_ points into
  const JsonValue* json_;
};

}  // namespace tessera
