#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>

#include "text/token_model.hpp"
#include "text/unicode.hpp"

namespace tessera {
namespace {

/// How much worse than the worst piece a character without one is.
constexpr double unknown_penalty = 10.0;

Vocabulary vocabulary_of(const std::vector<Unigram::Piece>& pieces) {
  Vocabulary vocabulary;
  for (std::size_t id = 0; id < pieces.size(); ++id) vocabulary.add(pieces[id].text, static_cast<std::int64_t>(id));
  return vocabulary;
}

/// The number as the JSON reader of `tokenizers` has it, which takes the digits for a whole number and divides by a
/// power of ten: two roundings. Which of two spellings of "......" is better hangs on the last bit of such a number.
double rounded_twice(double value) {
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific);
  std::uint64_t digits = 0;
  int exponent = 0;
  const char* at = text.data();
  for (bool fraction = false; at < end && *at != 'e'; ++at) {
    if (*at == '.') fraction = true;
    if (*at < '0' || *at > '9') continue;
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    if (fraction) --exponent;
  }
  constexpr int most_exact = 22;  // greater powers of ten are rounded themselves, and no score is that small
  int written = 0;
  at += at + 1 < end && at[1] == '+' ? 2 : 1;
  if (at < end) std::from_chars(at, end, written);
  exponent += written;
  if (error != std::errc{} || exponent > 0 || exponent < -most_exact) return value;
  const double result = static_cast<double>(digits) / std::pow(10.0, -exponent);
  return std::signbit(value) ? -result : result;
}

}  // namespace

/// The last piece of the best spelling of what ends at an offset.
struct Unigram::Step {
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  double score = 0;
  std::size_t begin = none;
  std::optional<std::int64_t> id = {};  ///< none: not in the vocabulary
};

Unigram::Unigram(const std::vector<Piece>& pieces, std::optional<std::int64_t> unknown, bool bytes)
    : TokenModel(vocabulary_of(pieces)), unknown_(unknown), bytes_(bytes) {
  double least = std::numeric_limits<double>::infinity();
  for (const Piece& piece : pieces) {
    scores_.push_back(rounded_twice(piece.score));
    least = std::min(least, scores_.back());
  }
  unknown_score_ = least - unknown_penalty;
}

std::vector<Unigram::Step> Unigram::best_steps(std::string_view word) const {
  std::vector<Step> best(word.size() + 1);
  const auto offer = [&](std::size_t begin, std::size_t end, double score, std::optional<std::int64_t> id) {
    const double total = best[begin].score + score;
    if (best[end].begin == Step::none || total > best[end].score) best[end] = {total, begin, id};
  };
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t next = begin + character_bytes(word[begin]);
    bool one_character = false;
    for (std::size_t end = next; end <= word.size() && end - begin <= vocabulary().longest();) {
      if (const auto id = id_of(word.substr(begin, end - begin))) {
        offer(begin, end, scores_[static_cast<std::size_t>(*id)], id);
        one_character = one_character || end == next;
      }
      if (end == word.size()) break;
      end += character_bytes(word[end]);
    }
    if (!one_character) offer(begin, next, unknown_score_, std::nullopt);
    begin = next;
  }
  return best;
}

void Unigram::append_unknown(std::string_view text, std::vector<std::int64_t>& ids) const {
  if (bytes_ && append_bytes(text, ids)) return;
  if (unknown_) ids.push_back(*unknown_);
}

void Unigram::append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const {
  const std::vector<Step> best = best_steps(word);
  std::vector<std::size_t> ends;
  for (std::size_t end = word.size(); end > 0; end = best[end].begin) ends.push_back(end);
  // Unknown characters side by side are one token.
  for (std::size_t i = ends.size(); i-- > 0;) {
    if (const auto id = best[ends[i]].id; id && id != unknown_) {
      ids.push_back(*id);
      continue;
    }
    const std::size_t begin = best[ends[i]].begin;
    const auto is_unknown = [&](std::size_t end) { return !best[end].id || best[end].id == unknown_; };
    while (i > 0 && is_unknown(ends[i - 1])) --i;
    append_unknown(word.substr(begin, ends[i] - begin), ids);
  }
}

}  // namespace tessera
