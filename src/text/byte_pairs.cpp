#include <cstddef>
#include <queue>
#include <tuple>

#include "text/token_model.hpp"
#include "text/unicode.hpp"

namespace tessera {

BytePairs::BytePairs(Vocabulary vocabulary, const std::vector<Merge>& merges, Options options)
    : TokenModel(std::move(vocabulary)), options_(std::move(options)) {
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank)
    merges_.insert_or_assign({merges[rank].left, merges[rank].right}, Entry{rank, merges[rank].merged});
}

const BytePairs::Entry* BytePairs::find(std::int64_t left, std::int64_t right) const {
  const auto found = merges_.find({left, right});
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<std::int64_t> BytePairs::characters(std::string_view word) const {
  std::vector<std::int64_t> ids;
  bool after_unknown = false;
  for_each_character(word, [&](char32_t, std::string_view bytes) {
    const auto begin = static_cast<std::size_t>(bytes.data() - word.data());
    std::string piece = begin == 0 ? std::string() : options_.continued;
    piece += bytes;
    if (begin + bytes.size() == word.size()) piece += options_.end_of_word;
    if (const auto id = id_of(piece)) {
      ids.push_back(*id);
      after_unknown = false;
    } else if (!(options_.bytes && append_bytes(piece, ids)) && options_.unknown) {
      if (!(options_.fuse_unknown && after_unknown)) ids.push_back(*options_.unknown);
      after_unknown = true;
    }
  });
  return ids;
}

void BytePairs::merge(std::vector<std::int64_t>& pieces) const {
  constexpr std::int64_t gone = -1;
  const std::size_t none = pieces.size();
  std::vector<std::size_t> previous(pieces.size()), next(pieces.size());
  using Candidate = std::tuple<std::size_t, std::size_t, std::int64_t>;  // rank, place of the left one, merged
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::size_t left) {
    if (left == none || next[left] == none) return;
    if (const Entry* entry = find(pieces[left], pieces[next[left]]))
      candidates.emplace(entry->rank, left, entry->merged);
  };
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    previous[i] = i == 0 ? none : i - 1;
    next[i] = i + 1;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) consider(i);

  for (; !candidates.empty();) {
    const auto [rank, left, merged] = candidates.top();
    candidates.pop();
    if (pieces[left] == gone || next[left] == none) continue;
    const std::size_t right = next[left];
    // What stood here when it was queued may have been merged with others since.
    const Entry* entry = find(pieces[left], pieces[right]);
    if (entry == nullptr || entry->merged != merged) continue;
    pieces[left] = merged;
    pieces[right] = gone;
    next[left] = next[right];
    if (next[right] != none) previous[next[right]] = left;
    consider(previous[left]);
    consider(left);
  }
  std::erase(pieces, gone);
}

void BytePairs::append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const {
  if (options_.whole_words) {
    if (const auto id = id_of(word)) {
      ids.push_back(*id);
      return;
    }
  }
  std::vector<std::int64_t> pieces = characters(word);
  merge(pieces);
  ids.insert(ids.end(), pieces.begin(), pieces.end());
}

}  // namespace tessera
