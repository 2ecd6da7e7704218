#include "data/word_piece.hpp"

#include <algorithm>
#include <utility>

#include "core/error.hpp"

namespace tessera {
namespace {

constexpr std::string_view continued = "##";
// A longer word is noise (a link, a hash) and not worth the pieces.
constexpr std::size_t max_word_characters = 100;

bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
}

}  // namespace

WordPiece::WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options, const std::string& origin)
    : vocabulary_(std::move(vocabulary)), options_(std::move(options)) {
  for (std::size_t id = 0; id < vocabulary_.size(); ++id) {
    const std::string_view token = vocabulary_[id];
    longest_ = std::max(longest_, token.size());
    beginnings_.insert_or_assign(token, static_cast<std::int64_t>(id));
    if (token.size() > continued.size() && token.starts_with(continued))
      continuations_.insert_or_assign(token.substr(continued.size()), static_cast<std::int64_t>(id));
  }
  unknown_ = id_of(options_.unknown, origin);
  first_ = id_of(options_.first, origin);
  last_ = id_of(options_.last, origin);
  padding_ = id_of(options_.padding, origin);
}

std::int64_t WordPiece::id_of(const std::string& token, const std::string& origin) const {
  const auto found = beginnings_.find(token);
  if (found == beginnings_.end())
    reject(origin, "has no token " + token, "give the vocabulary of a BERT model, one token per line");
  return found->second;
}

void WordPiece::append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const {
  const auto characters = std::count_if(word.begin(), word.end(), begins_character);
  if (static_cast<std::size_t>(characters) > max_word_characters) {
    ids.push_back(unknown_);
    return;
  }
  const std::size_t before = ids.size();
  for (std::size_t at = 0; at < word.size();) {
    const Table& table = at == 0 ? beginnings_ : continuations_;
    // The longest piece that fits, ending between two characters.
    std::size_t length = std::min(word.size() - at, longest_);
    auto found = table.end();
    for (; length > 0; --length) {
      if (at + length < word.size() && !begins_character(word[at + length])) continue;
      found = table.find(word.substr(at, length));
      if (found != table.end()) break;
    }
    if (found == table.end()) {
      ids.resize(before);
      ids.push_back(unknown_);
      return;
    }
    ids.push_back(found->second);
    at += length;
  }
}

std::optional<std::vector<std::int64_t>> WordPiece::encode(std::string_view text, std::int64_t limit) const {
  const auto words = options_.basic.words(text);
  if (!words) return std::nullopt;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(2, std::min(limit, options_.max_tokens))) - 1;
  std::vector<std::int64_t> ids = {first_};
  for (const std::string& word : *words) {
    if (ids.size() >= most) break;
    append_pieces(word, ids);
  }
  ids.resize(std::min(ids.size(), most));
  ids.push_back(last_);
  return ids;
}

}  // namespace tessera
