#include "text/added_tokens.hpp"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "text/unicode.hpp"

namespace tessera {
namespace {

constexpr std::size_t byte_values = 256;

unsigned char first_byte(std::string_view text) {
  return static_cast<unsigned char>(text[0]);
}

/// Letters, marks, digits and what joins them.
bool is_word_character(char32_t c) {
  const auto code = static_cast<UChar32>(c);
  const std::uint32_t mask = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_hasBinaryProperty(code, UCHAR_ALPHABETIC) != 0 || (U_MASK(u_charType(code)) & mask) != 0 ||
         u_hasBinaryProperty(code, UCHAR_JOIN_CONTROL) != 0;
}

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  std::size_t begin = text.size() - 1;
  while (!begins_character(text[begin])) --begin;
  return is_word_character(first_character(text.substr(begin)));
}

bool begins_with_word(std::string_view text) {
  return !text.empty() && is_word_character(first_character(text));
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), begin_(byte_values + 1) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    if (first_byte(a.content) != first_byte(b.content)) return first_byte(a.content) < first_byte(b.content);
    return a.content.size() > b.content.size();
  });
  for (std::size_t byte = 0; byte <= byte_values; ++byte)
    begin_[byte] = static_cast<std::size_t>(
        std::partition_point(tokens_.begin(), tokens_.end(),
                             [byte](const AddedToken& token) { return first_byte(token.content) < byte; }) -
        tokens_.begin());
}

const AddedToken* AddedTokens::longest_at(std::string_view text) const {
  const std::size_t byte = first_byte(text);
  for (std::size_t i = begin_[byte]; i < begin_[byte + 1]; ++i)
    if (text.starts_with(tokens_[i].content)) return &tokens_[i];
  return nullptr;
}

std::vector<AddedTokens::Part> AddedTokens::cut(std::string_view text) const {
  std::vector<Part> parts;
  std::size_t done = 0;
  const auto add = [&](std::size_t begin, std::size_t end, std::optional<std::int64_t> id) {
    if (begin < end) parts.push_back({text.substr(begin, end - begin), id, begin});
  };
  for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
    const AddedToken* token = longest_at(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at, end = at + token->content.size();
    at = end;
    if (token->single_word && (ends_with_word(text.substr(0, begin)) || begins_with_word(text.substr(end)))) continue;
    if (token->strip_left) begin = std::max(done, stripped(text.substr(0, begin), false, true).size());
    if (token->strip_right) end = text.size() - stripped(text.substr(end), true, false).size();
    add(done, begin, std::nullopt);
    add(begin, end, token->id);
    done = at = end;
  }
  add(done, text.size(), std::nullopt);
  return parts;
}

}  // namespace tessera
