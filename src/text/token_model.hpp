// TokenModel: spells a word with the pieces of a vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tessera {

/// Pieces and their ids, found without making a string.
class Vocabulary {
 public:
  void add(std::string piece, std::int64_t id);
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view piece) const;
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }  ///< bytes

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> ids_;
  std::size_t longest_ = 0;
};

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the ids of the pieces of a word, valid UTF-8.
  virtual void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const = 0;
  [[nodiscard]] std::optional<std::int64_t> id_of(std::string_view piece) const { return vocabulary_.find(piece); }

 protected:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  [[nodiscard]] const Vocabulary& vocabulary() const noexcept { return vocabulary_; }

  /// Whether the vocabulary has a piece for each byte ("<0x0A>"), which are then appended.
  bool append_bytes(std::string_view text, std::vector<std::int64_t>& ids) const;

 private:
  Vocabulary vocabulary_;
};

/// A word is a piece.
class WordLevel final : public TokenModel {
 public:
  WordLevel(Vocabulary vocabulary, std::optional<std::int64_t> unknown)
      : TokenModel(std::move(vocabulary)), unknown_(unknown) {}
  void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const override;

 private:
  std::optional<std::int64_t> unknown_;
};

/// The longest piece that fits, then the longest of what is left. A word that cannot be put together so is unknown.
class WordPiece final : public TokenModel {
 public:
  struct Options {
    std::int64_t unknown = 0;
    std::string continued = "##";    ///< before pieces that do not begin a word
    std::size_t longest_word = 100;  ///< characters; a longer one is noise (a link, a hash): unknown
  };
  WordPiece(Vocabulary vocabulary, Options options) : TokenModel(std::move(vocabulary)), options_(std::move(options)) {}
  void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const override;

 private:
  Options options_;
};

/// Byte-pair encoding: the two neighbours that were merged first in training are merged first, until none are left.
class BytePairs final : public TokenModel {
 public:
  struct Options {
    std::optional<std::int64_t> unknown = {};  ///< none: characters without a piece are dropped
    std::string continued, end_of_word;        ///< before the later characters of a word, after the last one
    bool fuse_unknown = false;                 ///< unknown characters side by side are one token
    bool bytes = false;                        ///< unknown characters are spelled by their bytes
    bool whole_words = false;                  ///< a word that is a piece is not cut up at all
  };
  struct Merge {
    std::int64_t left, right, merged;
  };
  /// `merges` in the order of training.
  BytePairs(Vocabulary vocabulary, const std::vector<Merge>& merges, Options options);
  void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const override;

 private:
  struct Entry {
    std::size_t rank;
    std::int64_t merged;
  };
  struct PairHash {
    std::size_t operator()(const std::pair<std::int64_t, std::int64_t>& pair) const noexcept {
      return std::hash<std::int64_t>{}(pair.first * 1'000'003 + pair.second);
    }
  };

  [[nodiscard]] std::vector<std::int64_t> characters(std::string_view word) const;
  void merge(std::vector<std::int64_t>& pieces) const;
  [[nodiscard]] const Entry* find(std::int64_t left, std::int64_t right) const;

  std::unordered_map<std::pair<std::int64_t, std::int64_t>, Entry, PairHash> merges_;
  Options options_;
};

/// The pieces whose log probabilities add up to the most (Kudo, "Subword Regularization").
class Unigram final : public TokenModel {
 public:
  struct Piece {
    std::string text;
    double score;
  };
  /// `pieces` in the order of their ids. Without an unknown piece what cannot be spelled is dropped.
  Unigram(const std::vector<Piece>& pieces, std::optional<std::int64_t> unknown, bool bytes);
  void append_pieces(std::string_view word, std::vector<std::int64_t>& ids) const override;

 private:
  struct Step;  // of the best way to an offset

  [[nodiscard]] std::vector<Step> best_steps(std::string_view word) const;
  void append_unknown(std::string_view text, std::vector<std::int64_t>& ids) const;

  std::vector<double> scores_;
  std::optional<std::int64_t> unknown_;
  bool bytes_;
  double unknown_score_ = 0;
};

}  // namespace tessera
