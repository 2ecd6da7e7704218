#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

using Ids = std::vector<std::int64_t>;

constexpr std::int64_t no_limit = 1 << 20;

/// A folder with one tokenizer.
class TextTokenizer : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& bytes) { write_bytes(folder_.file(name), bytes); }
  Tokenizer read() const { return Tokenizer::read(folder_.path()); }
  [[nodiscard]] Ids ids(const std::string& text, std::int64_t limit = no_limit) const {
    const auto encoding = read().encode(text, limit);
    return encoding ? encoding->ids : Ids{-1};
  }
  void put_vocabulary() {
    put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n##aff\n##able\nrun\n##a\n##n\n,\n");
  }

  const TemporaryFolder folder_;
};

TEST_F(TextTokenizer, LongestPieceFirst) {
  put_vocabulary();
  EXPECT_EQ(ids("Unaffable, run"), (Ids{2, 5, 6, 7, 11, 8, 3}));
  EXPECT_EQ(ids("unaffx runa"), (Ids{2, 1, 8, 9, 3}));
  EXPECT_EQ(ids(""), (Ids{2, 3}));
  EXPECT_EQ(ids("\xff"), Ids{-1});
  EXPECT_EQ(ids("run" + std::string(97, 'a')).size(), 100U);
  EXPECT_EQ(ids("run" + std::string(98, 'a')), (Ids{2, 1, 3}));  // too long to be a word
}

TEST_F(TextTokenizer, PiecesEndBetweenCharacters) {
  put("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nè\n##é\n");
  put("tokenizer_config.json", R"({"do_lower_case": false})");
  EXPECT_EQ(ids("èé é"), (Ids{2, 4, 5, 1, 3}));
}

TEST_F(TextTokenizer, SpecialTokensInATextAreOneTokenEach) {
  put_vocabulary();
  EXPECT_EQ(ids("[MASK] run[MASK][SEP]un"), (Ids{2, 4, 8, 4, 3, 5, 3}));
  EXPECT_EQ(ids("[mask]"), (Ids{2, 1, 1, 1, 3}));
}

TEST_F(TextTokenizer, LongTextsAreCut) {
  put_vocabulary();
  EXPECT_EQ(ids("run run run run", 4), (Ids{2, 8, 8, 3}));
  EXPECT_EQ(ids("run run", 2), (Ids{2, 3}));
  put("tokenizer_config.json", R"({"model_max_length": 3})");
  EXPECT_EQ(ids("unaffable"), (Ids{2, 5, 3}));
  put("tokenizer_config.json", R"({"model_max_length": 4, "truncation_side": "left"})");
  EXPECT_EQ(ids("un un unaffable"), (Ids{2, 6, 7, 3}));
}

TEST_F(TextTokenizer, Pairs) {
  put_vocabulary();
  const Tokenizer tokenizer = read();
  const auto pair = tokenizer.encode("run", "unaffable", no_limit);
  ASSERT_TRUE(pair);
  EXPECT_EQ(pair->ids, (Ids{2, 8, 3, 5, 6, 7, 3}));
  EXPECT_EQ(pair->types, (Ids{0, 0, 0, 1, 1, 1, 1}));
  // The longer text is cut first; of two that are both too long each gets half, the second one what is left over.
  EXPECT_EQ(tokenizer.encode("run", "unaffable", 6)->ids, (Ids{2, 8, 3, 5, 6, 3}));
  EXPECT_EQ(tokenizer.encode("un un un un", "run", 6)->ids, (Ids{2, 5, 5, 3, 8, 3}));
  EXPECT_EQ(tokenizer.encode("un un un", "run run run", 6)->ids, (Ids{2, 5, 3, 8, 8, 3}));
  EXPECT_EQ(tokenizer.encode("run", "\xff", 6), std::nullopt);
}

TEST_F(TextTokenizer, HowManyTokensTheModelTakes) {
  put_vocabulary();
  EXPECT_EQ(read().max_tokens(), 512);
  put("config.json", R"({"max_position_embeddings": 40})");
  EXPECT_EQ(read().max_tokens(), 40);
  put("config.json", R"({"max_position_embeddings": 40, "model_type": "roberta", "pad_token_id": 1})");
  EXPECT_EQ(read().max_tokens(), 38);
  put("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(read().max_tokens(), 38);
  put("sentence_bert_config.json", R"({"max_seq_length": 7})");
  EXPECT_EQ(read().max_tokens(), 7);
}

TEST_F(TextTokenizer, FilesThatMakeNoSense) {
  expect_error(ErrorKind::invalid, {"neither tokenizer.json nor vocab.txt", "save_pretrained"}, [this] { read(); });
  put("vocab.txt", "a\nb\n");
  expect_error(ErrorKind::invalid, {"vocab.txt", "[CLS]"}, [this] { read(); });
  put_vocabulary();
  put("tokenizer_config.json", R"({"do_lower_case": "yes"})");
  expect_error(ErrorKind::invalid, {"tokenizer_config.json", "do_lower_case"}, [this] { read(); });
  put("tokenizer_config.json", "{}");
  const std::vector<std::pair<const char*, const char*>> broken = {
      {"[]", "not a JSON object"},
      {"{}", "model"},
      {R"({"model": {"type": "Word2Vec", "vocab": {}}})", "Word2Vec"},
      {R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}})", "merges"},
      {R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})", "vocab"},
      {R"({"model": {"type": "Unigram", "vocab": [["a", -1]], "unk_id": 1}})", "unk_id"},
      {R"({"model": {"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "b"}})", "unk_token"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}}})",
       "regular expression"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}})",
       "cut short"},
      {R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "post_processor": {"type": "TemplateProcessing",
           "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}], "pair": [], "special_tokens": {}}})",
       "[CLS]"}};
  for (const auto& [json, why] : broken) {
    put("tokenizer.json", json);
    expect_error(ErrorKind::invalid, {"tokenizer.json", why}, [this] { read(); });
  }
}

TEST_F(TextTokenizer, BytePairsMergeInTheOrderOfTraining) {
  put("tokenizer.json", R"({"model": {"type": "BPE", "unk_token": "?",
      "vocab": {"?": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "bc": 5, "abc": 6, "aa": 7},
      "merges": ["b c", ["a", "a"], "a b", "a bc"]}})");
  EXPECT_EQ(ids("abc"), Ids{6});  // bc before ab
  EXPECT_EQ(ids("ab"), Ids{4});
  EXPECT_EQ(ids("aaa"), (Ids{7, 1}));  // from the left
  EXPECT_EQ(ids("aaab"), (Ids{7, 4}));
  EXPECT_EQ(ids("axxb"), (Ids{1, 0, 0, 2}));
}

TEST_F(TextTokenizer, BytesOfUnknownCharacters) {
  put("tokenizer.json", R"({"model": {"type": "BPE", "byte_fallback": true, "unk_token": "?", "fuse_unk": true,
      "vocab": {"?": 0, "a": 1, "<0xC3>": 2, "<0xA9>": 3}, "merges": []}})");
  EXPECT_EQ(ids("aéa"), (Ids{1, 2, 3, 1}));
  EXPECT_EQ(ids("a\xc3\xa8\xc3\xa8"), (Ids{1, 0}));  // 0xa8 is no piece; unknown ones side by side are one
}

TEST_F(TextTokenizer, SpacesOfByteLevelBelongToTheWordAfter) {
  // U+0120 stands for a space and U+010A for a line feed.
  put("tokenizer.json", R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true},
      "model": {"type": "BPE", "vocab": {"a": 0, "Ġ": 1, "Ġa": 2, "Ċ": 3, "'": 4, "s": 5, "'s": 6}, "merges": ["Ġ a", "' s"]}})");
  EXPECT_EQ(ids("a a"), (Ids{2, 2}));
  EXPECT_EQ(ids("a's  a\n"), (Ids{2, 6, 1, 2, 3}));
}

TEST_F(TextTokenizer, TheLikeliestPieces) {
  put("tokenizer.json", R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
      "model": {"type": "Unigram", "unk_id": 0,
      "vocab": [["?", 0], ["▁", -2], ["a", -2], ["b", -2], ["ab", -3], ["▁a", -2.5], ["▁ab", -9]]}})");
  EXPECT_EQ(ids("ab"), (Ids{5, 3}));  // -4.5, and not -5 or -9
  EXPECT_EQ(ids("b ab"), (Ids{1, 3, 5, 3}));
  EXPECT_EQ(ids("axyb"), (Ids{5, 0, 3}));
}

TEST_F(TextTokenizer, WhatAddedTokensTakeWithThem) {
  put("tokenizer.json", R"({"pre_tokenizer": {"type": "WhitespaceSplit"}, "added_tokens": [
      {"id": 7, "content": "<m>", "lstrip": true, "rstrip": false, "single_word": false, "normalized": false},
      {"id": 8, "content": "<mm>", "lstrip": false, "rstrip": true, "single_word": false, "normalized": false},
      {"id": 9, "content": "one", "lstrip": false, "rstrip": false, "single_word": true, "normalized": false},
      {"id": 10, "content": "HUGE", "lstrip": false, "rstrip": false, "single_word": false, "normalized": true}],
      "normalizer": {"type": "Lowercase"},
      "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2, "ones": 3}}})");
  EXPECT_EQ(ids("a <m> b"), (Ids{1, 7, 2}));
  EXPECT_EQ(ids("a<mm>b"), (Ids{1, 8, 2}));
  EXPECT_EQ(ids("one ones one"), (Ids{9, 3, 9}));
  EXPECT_EQ(ids("aHuGeb"), (Ids{1, 10, 2}));  // looked for in the normalized text, in its own normalized form
}

}  // namespace
}  // namespace tessera
