#include "text/character_map.hpp"

#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <cstddef>
#include <cstring>
#include <memory>

#include "core/error.hpp"

namespace tessera {
namespace {

constexpr const char* again = "download the file again";

/// One unit of a double-array trie (Yata, "darts-clone"): a label, where its children are, whether it has a value.
struct Unit {
  std::uint32_t bits;
  [[nodiscard]] bool has_value() const { return ((bits >> 8U) & 1U) == 1; }
  [[nodiscard]] std::uint32_t value() const { return bits & 0x7fffffffU; }
  [[nodiscard]] std::uint32_t label() const { return bits & 0x800000ffU; }
  [[nodiscard]] std::uint32_t offset() const { return (bits >> 10U) << ((bits & (1U << 9U)) >> 6U); }
};

/// Ends of the characters as people see them: a letter and the marks on it are one.
std::vector<std::size_t> cluster_ends(std::string_view text) {
  UErrorCode code = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), code));
  const icu::LocalUTextPointer utf8(
      utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &code));
  if (U_SUCCESS(code)) breaks->setText(utf8.getAlias(), code);
  std::vector<std::size_t> ends;
  if (U_SUCCESS(code))
    for (std::int32_t end = breaks->next(); end != icu::BreakIterator::DONE; end = breaks->next())
      ends.push_back(static_cast<std::size_t>(end));
  if (U_FAILURE(code)) fail("text", std::string("cannot be cut into characters (") + u_errorName(code) + ")");
  return ends;
}

}  // namespace

CharacterMap::CharacterMap(std::string_view bytes, const std::string& origin) {
  std::uint32_t size = 0;
  if (bytes.size() >= sizeof(size)) std::memcpy(&size, bytes.data(), sizeof(size));
  const std::string_view rest = bytes.substr(std::min(sizeof(size), bytes.size()));
  if (size == 0 || size % sizeof(std::uint32_t) != 0 || size > rest.size())
    reject(origin, "its table of characters is cut short", again);
  trie_.resize(size / sizeof(std::uint32_t));
  std::memcpy(trie_.data(), rest.data(), size);
  strings_ = rest.substr(size);
  if (!is_utf8(strings_)) reject(origin, "its table of characters is not UTF-8", again);
}

std::optional<std::string_view> CharacterMap::find(std::string_view text) const {
  std::size_t at = Unit{trie_[0]}.offset();
  for (const char c : text) {
    if (c == '\0') return std::nullopt;
    at ^= static_cast<unsigned char>(c);
    if (at >= trie_.size()) return std::nullopt;
    const Unit unit{trie_[at]};
    if (unit.label() != static_cast<unsigned char>(c)) return std::nullopt;
    at ^= unit.offset();
    if (at >= trie_.size()) return std::nullopt;
    if (!unit.has_value()) continue;
    const std::size_t begin = Unit{trie_[at]}.value();
    if (begin >= strings_.size()) return std::nullopt;
    return std::string_view(strings_).substr(begin, strings_.find('\0', begin) - begin);
  }
  return std::nullopt;
}

std::string CharacterMap::normalized(std::string_view text) const {
  // Longer clusters are never looked up whole: this is what the models were trained with.
  constexpr std::size_t longest_cluster = 5;
  std::string result;
  std::size_t begin = 0;
  for (const std::size_t end : cluster_ends(text)) {
    const std::string_view cluster = text.substr(begin, end - begin);
    begin = end;
    if (cluster.size() <= longest_cluster) {
      if (const auto found = find(cluster)) {
        result += *found;
        continue;
      }
    }
    for_each_character(cluster, [&](char32_t, std::string_view bytes) { result += find(bytes).value_or(bytes); });
  }
  return result;
}

std::string decode_base64(std::string_view text, const std::string& origin) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) reject(origin, "its table of characters is no base64", again);
    bits = (bits << 6U | static_cast<std::uint32_t>(digit)) & 0xffffU;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
  }
  return bytes;
}

}  // namespace tessera
