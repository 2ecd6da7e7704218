// PreTokenizer: cuts a normalized text into the words that a vocabulary's pieces do not reach across.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pattern.hpp"

namespace tessera {

struct Word {
  std::string text;
  bool begins_text = false;  ///< nothing stands before it in the text that was given
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Cuts each word up further.
  virtual void split(std::vector<Word>& words) const = 0;
};

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> parts) : parts_(std::move(parts)) {}
  void split(std::vector<Word>& words) const override;

 private:
  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

/// At white space, and before and after each punctuation character.
struct BertPreTokenizer final : public PreTokenizer {
  void split(std::vector<Word>& words) const override;
};

struct WhitespaceSplit final : public PreTokenizer {
  void split(std::vector<Word>& words) const override;
};

/// What becomes of the matches of a pattern.
enum class Delimiter : std::uint8_t {
  removed,
  isolated,              ///< each a word
  contiguous,            ///< those that touch are one word
  merged_with_previous,  ///< the end of the word before
  merged_with_next       ///< the beginning of the word after
};

class PatternSplit final : public PreTokenizer {
 public:
  /// With `invert` the matches are the words, and what is between them the delimiters.
  PatternSplit(Pattern pattern, Delimiter delimiter, bool invert)
      : pattern_(std::move(pattern)), delimiter_(delimiter), invert_(invert) {}
  void split(std::vector<Word>& words) const override;

 private:
  Pattern pattern_;
  Delimiter delimiter_;
  bool invert_;
};

/// Like PatternSplit, where single characters of a kind are the delimiters.
class CharacterSplit final : public PreTokenizer {
 public:
  CharacterSplit(bool (*is_delimiter)(char32_t), Delimiter delimiter)
      : is_delimiter_(is_delimiter), delimiter_(delimiter) {}
  void split(std::vector<Word>& words) const override;

 private:
  bool (*is_delimiter_)(char32_t);
  Delimiter delimiter_;
};

/// Bytes as characters that can be seen, one for one, so that a vocabulary of characters can spell any text; before
/// that a split at words, numbers and signs, each with the space before it, as GPT-2 and RoBERTa have it.
class ByteLevel final : public PreTokenizer {
 public:
  /// `space_first`: every text begins with a space.
  ByteLevel(bool space_first, bool split_words);
  void split(std::vector<Word>& words) const override;

 private:
  bool space_first_;
  std::optional<PatternSplit> words_;
};

/// Spaces as a character that can be seen, at the beginning of words, as SentencePiece has it.
struct Metaspace final : public PreTokenizer {
  enum class Prefix : std::uint8_t { never, first, always };

  std::string replacement = "\xe2\x96\x81";  ///< U+2581
  Prefix prefix = Prefix::always;            ///< which words get one that they do not have
  bool split_words = true;
  void split(std::vector<Word>& words) const override;
};

}  // namespace tessera
