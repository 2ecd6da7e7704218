// The vocabulary, and the models that need little more.
#include "text/token_model.hpp"

#include <algorithm>

#include "text/unicode.hpp"

namespace tessera {

void Vocabulary::add(std::string piece, std::int64_t id) {
  longest_ = std::max(longest_, piece.size());
  ids_.insert_or_assign(std::move(piece), id);
}

std::optional<std::int64_t> Vocabulary::find(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

bool TokenModel::append_bytes(std::string_view text, std::vector<std::int64_t>& ids) const {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const std::size_t before = ids.size();
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const auto id = id_of({std::string("<0x") + digits[byte >> 4U] + digits[byte & 15U] + '>'});
    if (!id) {
      ids.resize(before);
      return false;
    }
    ids.push_back(*id);
  }
  return true;
}

void WordLevel::append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (const auto id = id_of(word)) {
    ids.push_back(*id);
  } else if (unknown_) {
    ids.push_back(*unknown_);
  }
}

void WordPiece::append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (character_count(word) > options_.longest_word) {
    ids.push_back(options_.unknown);
    return;
  }
  const std::size_t before = ids.size();
  std::string candidate;
  for (std::size_t at = 0; at < word.size();) {
    const std::string_view prefix = at == 0 ? std::string_view() : options_.continued;
    candidate.assign(prefix).append(word.substr(at, vocabulary().longest()));
    std::optional<std::int64_t> id;
    for (; candidate.size() > prefix.size(); candidate.pop_back()) {
      const std::size_t end = at + candidate.size() - prefix.size();
      if (end < word.size() && !begins_character(word[end])) continue;  // pieces end between characters
      id = id_of(candidate);
      if (id) break;
    }
    if (!id) {
      ids.resize(before);
      ids.push_back(options_.unknown);
      return;
    }
    ids.push_back(*id);
    at += candidate.size() - prefix.size();
  }
}

}  // namespace tessera
