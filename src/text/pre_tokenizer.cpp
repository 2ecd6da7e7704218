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

/// A part of a word, which all parts together cover.
struct Segment {
  Range range;
  bool delimiter;
};

/// The ranges given are delimiters and what is between them is not, or the other way round.
std::vector<Segment> segments_of(std::size_t size, const std::vector<Range>& ranges, bool ranges_are_delimiters) {
  std::vector<Segment> segments;
  std::size_t done = 0;
  for (const Range& range : ranges) {
    if (done < range.first) segments.push_back({{done, range.first}, !ranges_are_delimiters});
    segments.push_back({range, ranges_are_delimiters});
    done = range.second;
  }
  if (done < size) segments.push_back({{done, size}, !ranges_are_delimiters});
  return segments;
}

bool belong_together(const Segment& left, const Segment& right, Delimiter kind) {
  switch (kind) {
    case Delimiter::contiguous: return left.delimiter == right.delimiter;
    case Delimiter::merged_with_previous: return !left.delimiter && right.delimiter;
    case Delimiter::merged_with_next: return left.delimiter && !right.delimiter;
    default: return false;
  }
}

void append_split(const Word& word, const std::vector<Segment>& segments, Delimiter kind, std::vector<Word>& words) {
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::size_t begin = segments[i].range.first;
    if (kind == Delimiter::removed && segments[i].delimiter) continue;
    while (i + 1 < segments.size() && belong_together(segments[i], segments[i + 1], kind)) ++i;
    words.push_back({word.text.substr(begin, segments[i].range.second - begin), word.begins_text && begin == 0});
  }
}

template <typename IsDelimiter>
void append_split_at(const Word& word, IsDelimiter is_delimiter, Delimiter kind, std::vector<Word>& words) {
  std::vector<Range> delimiters;
  for_each_character(word.text, [&](char32_t c, std::string_view bytes) {
    const auto begin = static_cast<std::size_t>(bytes.data() - word.text.data());
    if (is_delimiter(c)) delimiters.emplace_back(begin, begin + bytes.size());
  });
  append_split(word, segments_of(word.text.size(), delimiters, true), kind, words);
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
    append_split(word, segments_of(word.text.size(), pattern_.matches(word.text), !invert_), delimiter_, result);
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
    const auto marks = split_words ? Pattern::text(replacement).matches(marked.text) : std::vector<Range>();
    append_split(marked, segments_of(marked.text.size(), marks, true), Delimiter::merged_with_next, result);
  });
}

}  // namespace tessera
