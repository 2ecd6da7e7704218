#include "formats/json_value.hpp"

#include <algorithm>
#include <array>

namespace tessera {
namespace {

// In the order of what a JsonValue can be.
constexpr std::array kinds{"null", "boolean", "number", "number", "number", "string", "array", "object"};

/// In the order of the keys. Files whose writer sorted them, as ours do, are left as they are.
void sort_members(JsonValue::Object& members) {
  const auto in_order = [](const JsonMember& a, const JsonMember& b) { return a.key < b.key; };
  const auto out_of_order = [](const JsonMember& a, const JsonMember& b) { return a.key >= b.key; };
  if (std::ranges::adjacent_find(members, out_of_order) == members.end()) return;
  std::stable_sort(members.begin(), members.end(), in_order);
  // From behind, so that the last one of a key is the one that stays.
  const auto kept = std::unique(members.rbegin(), members.rend(),
                                [](const JsonMember& a, const JsonMember& b) { return a.key == b.key; });
  members.erase(members.begin(), kept.base());
}

}  // namespace

JsonValue::JsonValue(Object members) {
  sort_members(members);
  value_ = std::move(members);
}

double JsonValue::number() const {
  if (const auto* const number = std::get_if<double>(&value_)) return *number;
  if (const auto* const number = std::get_if<std::uint64_t>(&value_)) return static_cast<double>(*number);
  return static_cast<double>(held<std::int64_t>("number"));
}

const JsonValue& JsonValue::at(std::size_t index) const {
  const Array& all = elements();
  if (index >= all.size()) throw JsonError("array index " + std::to_string(index) + " is out of range");
  return all[index];
}

const JsonValue& JsonValue::at(std::string_view key) const {
  static_cast<void>(members());
  if (const JsonValue* const value = find(key)) return *value;
  throw JsonError("key '" + std::string(key) + "' not found");
}

const JsonValue* JsonValue::find(std::string_view key) const noexcept {
  const auto* const members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::lower_bound(*members, key, {},
                                              [](const JsonMember& member) -> std::string_view { return member.key; });
  return found == members->end() || found->key != key ? nullptr : &found->value;
}

void JsonValue::refuse(const char* wanted) const {
  throw JsonError(std::string("type must be ") + wanted + ", but is " + kinds.at(value_.index()));
}

}  // namespace tessera
