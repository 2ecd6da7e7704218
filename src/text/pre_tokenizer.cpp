#include "text/pre_tokenizer.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "text/unicode.hpp"

namespace tessera {
namespace {

using Range = Pattern::Range;

/// Replaces each word by those that `cut` appends for it.
template <typename Cut>
void cut_each(std::vector<Word>& words, Cut cut) {
  std::vector<Word> result;
  for (const Word& word : words) cut(word, result);
  words = std::move(result);
}

void append_range(const Word& word, Range range, std::vector<Word>& words) {
  if (range.first < range.second)
    words.push_back({word.text.substr(range.first, range.second - range.first), word.begins_text && range.first == 0});
}

/// The ranges that lie between, before and after those given.
std::vector<Range> ranges_between(const std::vector<Range>& ranges, std::size_t size) {
  std::vector<Range> between;
  std::size_t done = 0;
  for (const Range& range : ranges) {
    if (done < range.first) between.emplace_back(done, range.first);
    done = range.second;
  }
  if (done < size) between.emplace_back(done, size);
  return between;
}

/// Delimiters that touch make one.
std::vector<Range> joined(const std::vector<Range>& ranges) {
  std::vector<Range> result;
  for (const Range& range : ranges) {
    if (!result.empty() && result.back().second == range.first) {
      result.back().second = range.second;
    } else {
      result.push_back(range);
    }
  }
  return result;
}

/// Cuts at the end of each delimiter, or at the beginning of each.
void append_merged(const Word& word, const std::vector<Range>& delimiters, bool with_previous,
                   std::vector<Word>& words) {
  std::size_t done = 0;
  for (const Range& range : delimiters) {
    const std::size_t cut = with_previous ? range.second : range.first;
    append_range(word, {done, cut}, words);
    done = cut;
  }
  append_range(word, {done, word.text.size()}, words);
}

void append_split(const Word& word, std::vector<Range> delimiters, Delimiter kind, std::vector<Word>& words) {
  switch (kind) {
    case Delimiter::removed:
      for (const Range& range : ranges_between(delimiters, word.text.size())) append_range(word, range, words);
      return;
    case Delimiter::merged_with_previous: append_merged(word, delimiters, true, words); return;
    case Delimiter::merged_with_next: append_merged(word, delimiters, false, words); return;
    case Delimiter::contiguous: delimiters = joined(delimiters); break;
    case Delimiter::isolated: break;
  }
  std::size_t done = 0;
  for (const Range& range : delimiters) {
    append_range(word, {done, range.first}, words);
    append_range(word, range, words);
    done = range.second;
  }
  append_range(word, {done, word.text.size()}, words);
}

template <typename IsDelimiter>
void append_split_at(const Word& word, IsDelimiter is_delimiter, Delimiter kind, std::vector<Word>& words) {
  std::vector<Range> delimiters;
  for_each_character(word.text, [&](char32_t c, std::string_view bytes) {
    const auto begin = static_cast<std::size_t>(bytes.data() - word.text.data());
    if (is_delimiter(c)) delimiters.emplace_back(begin, begin + bytes.size());
  });
  append_split(word, std::move(delimiters), kind, words);
}

/// Bytes that are visible characters of Latin-1 stand for themselves, the others for those from U+0100 on, in order.
std::array<std::string, 256> characters_of_bytes() {
  std::array<std::string, 256> characters;
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < characters.size(); ++byte) {
    const bool visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    append_character(characters[byte], visible ? byte : next++);
  }
  return characters;
}

std::string spelled(std::string_view bytes) {
  static const std::array<std::string, 256> characters = characters_of_bytes();
  std::string text;
  for (const char byte : bytes) text += characters[static_cast<unsigned char>(byte)];
  return text;
}

}  // namespace

void PreTokenizerSequence::split(std::vector<Word>& words) const {
  for (const auto& part : parts_) part->split(words);
}

void BertPreTokenizer::split(std::vector<Word>& words) const {
  cut_each(words, [](const Word& word, std::vector<Word>& result) {
    append_split_at(word, is_space, Delimiter::removed, result);
  });
  cut_each(words, [](const Word& word, std::vector<Word>& result) {
    append_split_at(word, is_punctuation, Delimiter::isolated, result);
  });
}

void WhitespaceSplit::split(std::vector<Word>& words) const {
  cut_each(words, [](const Word& word, std::vector<Word>& result) {
    append_split_at(word, is_space, Delimiter::removed, result);
  });
}

void PatternSplit::split(std::vector<Word>& words) const {
  cut_each(words, [this](const Word& word, std::vector<Word>& result) {
    std::vector<Range> matches = pattern_.matches(word.text);
    append_split(word, invert_ ? ranges_between(matches, word.text.size()) : std::move(matches), delimiter_, result);
  });
}

void CharacterSplit::split(std::vector<Word>& words) const {
  cut_each(words, [this](const Word& word, std::vector<Word>& result) {
    append_split_at(word, is_delimiter_, delimiter_, result);
  });
}

ByteLevel::ByteLevel(bool space_first, bool split_words) : space_first_(space_first) {
  constexpr const char* contractions_words_numbers_signs_spaces =
      R"('(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  if (split_words)
    words_.emplace(Pattern::expression(contractions_words_numbers_signs_spaces, "ByteLevel"), Delimiter::isolated,
                   false);
}

void ByteLevel::split(std::vector<Word>& words) const {
  if (space_first_)
    for (Word& word : words)
      if (!word.text.empty() && word.text[0] != ' ') word.text.insert(0, " ");
  if (words_) words_->split(words);
  for (Word& word : words) word.text = spelled(word.text);
}

void Metaspace::split(std::vector<Word>& words) const {
  cut_each(words, [this](const Word& word, std::vector<Word>& result) {
    std::string text;
    for (const char byte : word.text) {
      if (byte == ' ') {
        text += replacement;
      } else {
        text += byte;
      }
    }
    const bool wanted = prefix == Prefix::always || (prefix == Prefix::first && word.begins_text);
    if (wanted && !text.empty() && !text.starts_with(replacement)) text.insert(0, replacement);
    const Word marked{std::move(text), word.begins_text};
    append_split(marked, split_words ? Pattern::text(replacement).matches(marked.text) : std::vector<Range>(),
                 Delimiter::merged_with_next, result);
  });
}

}  // namespace tessera
