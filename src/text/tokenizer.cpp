#include "text/tokenizer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace tessera {

Tokenizer::Tokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  std::vector<AddedToken> in_text, in_normalized;
  for (const AddedToken& token : parts_.added) {
    if (!token.in_normalized_text) {
      in_text.push_back(token);
      continue;
    }
    in_normalized.push_back(token);
    if (parts_.normalizer) in_normalized.back().content = parts_.normalizer->normalized(token.content);
  }
  in_text_ = AddedTokens(std::move(in_text));
  in_normalized_ = AddedTokens(std::move(in_normalized));
}

Tokenizer::Ids Tokenizer::tokens(std::string_view text, std::size_t enough) const {
  Ids ids;
  const auto full = [&] { return !parts_.keep_end && ids.size() > enough; };
  for (const AddedTokens::Part& part : in_text_.cut(text)) {
    if (full()) break;
    if (part.id) {
      ids.push_back(*part.id);
      continue;
    }
    const std::string normalized =
        parts_.normalizer ? parts_.normalizer->normalized(part.text) : std::string(part.text);
    for (const AddedTokens::Part& inner : in_normalized_.cut(normalized)) {
      if (inner.id) {
        ids.push_back(*inner.id);
        continue;
      }
      std::vector<Word> words{{std::string(inner.text), part.begin == 0 && inner.begin == 0}};
      if (parts_.pre_tokenizer) parts_.pre_tokenizer->split(words);
      for (const Word& word : words) {
        if (full()) break;
        parts_.model->append_pieces(word.text, ids);
      }
    }
  }
  return ids;
}

std::size_t Tokenizer::room(std::int64_t limit, std::size_t added) const {
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(0, std::min(limit, parts_.max_tokens)));
  return most - std::min(most, added);
}

void Tokenizer::cut(Ids& ids, std::size_t most) const {
  if (ids.size() <= most) return;
  if (parts_.keep_end) {
    ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(most));
  } else {
    ids.resize(most);
  }
}

std::optional<Encoding> Tokenizer::encode(std::string_view text, std::int64_t limit) const {
  if (!is_utf8(text)) return std::nullopt;
  const std::size_t most = room(limit, parts_.surroundings.added());
  Ids ids = tokens(text, most);
  cut(ids, most);
  return parts_.surroundings.around(ids);
}

std::optional<Encoding> Tokenizer::encode(std::string_view first, std::string_view second, std::int64_t limit) const {
  if (!is_utf8(first) || !is_utf8(second)) return std::nullopt;
  const std::size_t most = room(limit, parts_.surroundings.added_to_pair());
  constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  Ids a = tokens(first, all), b = tokens(second, all);
  if (a.size() + b.size() > most) {
    // The shorter one stays whole where it fits into its half; of an odd number the longer one gets the extra token.
    const std::size_t shorter = std::min({a.size(), b.size(), most / 2});
    const bool first_is_longer = a.size() > b.size();
    cut(a, first_is_longer ? most - shorter : shorter);
    cut(b, first_is_longer ? shorter : most - shorter);
  }
  return parts_.surroundings.around(a, b);
}

}  // namespace tessera
