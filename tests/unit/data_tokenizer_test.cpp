#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "data/basic_tokenizer.hpp"
#include "data/word_piece.hpp"
#include "data_support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

using Words = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;

Words words(const std::string& text, const BasicTokenizer& tokenizer = {}) {
  return tokenizer.words(text).value_or(Words{"not UTF-8"});
}

TEST(DataBasicTokenizer, SplitsAtSpaceAndPunctuation) {
  EXPECT_EQ(words("  Hello,\tWorld! it's 3.5$ "),
            (Words{"hello", ",", "world", "!", "it", "'", "s", "3", ".", "5", "$"}));
  EXPECT_EQ(words(""), Words());
  EXPECT_EQ(words(" \t\r\n "), Words());
}

TEST(DataBasicTokenizer, ThePathsForAsciiAndForTheRestAgree) {
  std::string every;
  for (char c = 1; c < 127; ++c) every += std::string("A") + c + "b ";
  Words with_more = words(every + "\xc3\xa9");
  ASSERT_EQ(with_more.back(), "e");
  with_more.pop_back();
  EXPECT_EQ(words(every), with_more);
}

TEST(DataBasicTokenizer, Accents) {
  EXPECT_EQ(words("Crème-BRÛLÉE Tiramisù ñ"), (Words{"creme", "-", "brulee", "tiramisu", "n"}));
  EXPECT_EQ(words("e\xcc\x81"), Words{"e"});               // a combining accent
  EXPECT_EQ(words("\xc4\xb0stanbul"), Words{"istanbul"});  // I with a dot, whose lower case is two characters
  EXPECT_EQ(words("Straße"), Words{"straße"});             // no accent, not folded
  EXPECT_EQ(words("\xce\x9f\xce\x94\xce\x9f\xce\xa3"), Words{"\xce\xbf\xce\xb4\xce\xbf\xcf\x82"});  // final sigma
  const BasicTokenizer cased = {.lower_case = false, .strip_accents = false};
  EXPECT_EQ(words("Crème", cased), Words{"Crème"});
  const BasicTokenizer lower_only = {.lower_case = true, .strip_accents = false};
  EXPECT_EQ(words("Crème", lower_only), Words{"crème"});
}

TEST(DataBasicTokenizer, OtherScripts) {
  EXPECT_EQ(words("我爱NLP。"), (Words{"我", "爱", "nlp", "。"}));
  EXPECT_EQ(words("\xf0\xa0\x80\x80x"), (Words{"\xf0\xa0\x80\x80", "x"}));  // U+20000, two UTF-16 units
  EXPECT_EQ(words("ひらがな"), Words{"ひらかな"});  // no ideographs; the voicing mark is an accent
  EXPECT_EQ(words("«oui» …"), (Words{"«", "oui", "»", "…"}));
  const BasicTokenizer joined = {.split_chinese = false};
  EXPECT_EQ(words("我爱", joined), Words{"我爱"});
}

TEST(DataBasicTokenizer, ControlAndSpaceCharacters) {
  EXPECT_EQ(words("a\xc2\xa0"
                  "b\xe3\x80\x80"
                  "c\xe2\x80\xa8"
                  "d"),
            (Words{"a", "b", "c", "d"}));  // U+00A0, U+3000, U+2028
  EXPECT_EQ(words("a\x01"
                  "b\xe2\x80\x8b"
                  "c\xef\xbf\xbd"
                  "d\xc2\x85"
                  "e"),
            Words{"abcde"});  // U+200B, U+FFFD, U+0085
}

TEST(DataBasicTokenizer, BadUtf8) {
  for (const char* text : {"\xff", "ab\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80"})
    EXPECT_FALSE(BasicTokenizer().words(text).has_value());
}

WordPiece small_tokenizer(std::int64_t max_tokens = 512) {
  WordPieceOptions options;
  options.max_tokens = max_tokens;
  return {{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "##a", "è", "##é", "run", "##", "a"},
          options,
          "vocab"};
}

TEST(DataWordPiece, LongestPieceFirst) {
  const WordPiece tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("unaffable run", 512), (Ids{2, 4, 5, 6, 10, 3}));
  EXPECT_EQ(tokenizer.encode("unaffx runa", 512), (Ids{2, 1, 10, 7, 3}));
  EXPECT_EQ(tokenizer.encode("", 512), (Ids{2, 3}));
  EXPECT_EQ(tokenizer.encode(std::string(100, 'a'), 512)->size(), 102U);
  EXPECT_EQ(tokenizer.encode(std::string(101, 'a'), 512), (Ids{2, 1, 3}));  // too long to be a word
  EXPECT_EQ(tokenizer.encode("\xff", 512), std::nullopt);
}

TEST(DataWordPiece, PiecesEndBetweenCharacters) {
  WordPieceOptions options;
  options.basic = {.lower_case = false, .strip_accents = false};
  // The bytes of é begin with one that is no token; a cut inside it must not be tried.
  const WordPiece tokenizer({"[PAD]", "[UNK]", "[CLS]", "[SEP]", "è", "##é", "\xc3"}, options, "vocab");
  EXPECT_EQ(tokenizer.encode("èé é", 512), (Ids{2, 4, 5, 1, 3}));
}

TEST(DataWordPiece, LongTextsAreCut) {
  EXPECT_EQ(small_tokenizer().encode("run run run run", 4), (Ids{2, 10, 10, 3}));
  EXPECT_EQ(small_tokenizer(3).encode("unaffable", 512), (Ids{2, 4, 3}));
}

TEST(DataWordPiece, AVocabularyWithoutSpecialTokens) {
  expect_error(ErrorKind::invalid, {"words.txt", "[UNK]"}, [] { WordPiece({"a", "b"}, {}, "words.txt"); });
}

TEST(DataWordPiece, ConfigurationBesideTheVocabulary) {
  const TemporaryFolder folder;
  write_bytes(folder.file("vocab.txt"), "<pad>\r\n<unk>\r\n<s>\r\n</s>\r\nÀ\r\na\r\n");
  write_bytes(folder.file("tokenizer_config.json"),
              R"({"do_lower_case": false, "pad_token": "<pad>", "unk_token": {"content": "<unk>"}, "cls_token": "<s>",
                  "sep_token": "</s>", "model_max_length": 1000000000000000019884624838656})");
  write_bytes(folder.file("config.json"), R"({"max_position_embeddings": 5})");
  const WordPiece tokenizer = WordPiece::read(folder.file("vocab.txt"));
  EXPECT_EQ(tokenizer.max_tokens(), 5);
  EXPECT_EQ(tokenizer.encode("À a A À À", 512), (Ids{2, 4, 5, 1, 3}));

  write_bytes(folder.file("tokenizer_config.json"), R"({"do_lower_case": "yes"})");
  expect_error(ErrorKind::invalid, {"tokenizer_config.json", "do_lower_case"},
               [&] { WordPiece::read(folder.file("vocab.txt")); });
  write_bytes(folder.file("tokenizer_config.json"), "{");
  expect_error(ErrorKind::invalid, {"tokenizer_config.json", "JSON"},
               [&] { WordPiece::read(folder.file("vocab.txt")); });
}

}  // namespace
}  // namespace tessera
