#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "text/character_map.hpp"
#include "text/normalizer.hpp"
#include "text/pre_tokenizer.hpp"
#include "unit/data/support.hpp"

namespace tessera {
namespace {

using namespace data_testing;

using Words = std::vector<std::string>;

Words split(const PreTokenizer& pre_tokenizer, const std::string& text) {
  std::vector<Word> words{{text, true}};
  pre_tokenizer.split(words);
  Words result;
  for (const Word& word : words) result.push_back(word.text);
  return result;
}

/// As BERT has it: normalized, then cut.
Words words(const std::string& text, const BertNormalizer& normalizer = {}) {
  return split(BertPreTokenizer(), normalizer.normalized(text));
}

TEST(TextUnicode, ValidUtf8) {
  for (const char* text : {"", "abc", "é", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"}) EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xff", "ab\xc3", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80", "\x80"})
    EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(TextUnicode, KindsAreThoseOfUnicode8) {
  EXPECT_TRUE(is_punctuation(U'$') && is_punctuation(U'~') && is_punctuation(U'…') && is_punctuation(0x166d));
  EXPECT_FALSE(is_punctuation(U'€') || is_punctuation(0x61d) || is_punctuation(0x2e52));  // the last two are newer
  EXPECT_TRUE(is_control(0x7f) && is_control(0x200b) && is_control(0xe000) && !is_control('\t') && !is_control(0x378));
  EXPECT_TRUE(is_space(0x85) && is_space(0x3000) && !is_space(0x200b));
  EXPECT_TRUE(is_number(U'½') && is_number(U'Ⅷ') && !is_number(U'十'));
}

TEST(TextUnicode, Stripped) {
  EXPECT_EQ(stripped(" \t a b\xe3\x80\x80"), "a b");
  EXPECT_EQ(stripped(" a ", false, true), " a");
  EXPECT_EQ(stripped(" a ", true, false), "a ");
  EXPECT_EQ(stripped("  "), "");
}

TEST(TextBert, SplitsAtSpaceAndPunctuation) {
  EXPECT_EQ(words("  Hello,\tWorld! it's 3.5$ "),
            (Words{"hello", ",", "world", "!", "it", "'", "s", "3", ".", "5", "$"}));
  EXPECT_EQ(words(""), Words());
  EXPECT_EQ(words(" \t\r\n "), Words());
}

TEST(TextBert, Accents) {
  EXPECT_EQ(words("Crème-BRÛLÉE Tiramisù ñ"), (Words{"creme", "-", "brulee", "tiramisu", "n"}));
  EXPECT_EQ(words("e\xcc\x81"), Words{"e"});  // a combining accent
  EXPECT_EQ(words("İstanbul"), Words{"istanbul"});
  EXPECT_EQ(words("Straße"), Words{"straße"});  // no accent, not folded
  EXPECT_EQ(words("ΟΔΟΣ"), Words{"οδοσ"});      // each letter on its own: no final sigma
  BertNormalizer cased;
  cased.lower = cased.strip_accents = false;
  EXPECT_EQ(words("Crème", cased), Words{"Crème"});
  BertNormalizer lower_only;
  lower_only.strip_accents = false;
  EXPECT_EQ(words("Crème İ", lower_only), (Words{"crème", "i\xcc\x87"}));
}

TEST(TextBert, OtherScripts) {
  EXPECT_EQ(words("我爱NLP。"), (Words{"我", "爱", "nlp", "。"}));
  EXPECT_EQ(words("\xf0\xa0\x80\x80x"), (Words{"\xf0\xa0\x80\x80", "x"}));  // U+20000
  EXPECT_EQ(words("ひらがな"), Words{"ひらかな"});  // no ideographs; the voicing mark is an accent
  EXPECT_EQ(words("«oui» …"), (Words{"«", "oui", "»", "…"}));
  BertNormalizer joined;
  joined.split_chinese = false;
  EXPECT_EQ(words("我爱", joined), Words{"我爱"});
}

TEST(TextBert, ControlAndSpaceCharacters) {
  EXPECT_EQ(words("a\u00a0b\u3000c\u2028d"), (Words{"a", "b", "c", "d"}));
  EXPECT_EQ(words("a\x01"
                  "b\u200bc\ufffdd\x7f"
                  "e"),
            Words{"abcde"});
}

TEST(TextNormalizers, Forms) {
  EXPECT_EQ(FormNormalizer(UnicodeForm::nfc).normalized("e\xcc\x81"), "é");
  EXPECT_EQ(FormNormalizer(UnicodeForm::nfd).normalized("é"), "e\xcc\x81");
  EXPECT_EQ(FormNormalizer(UnicodeForm::nfkc).normalized("ﬁ²"), "fi2");
  EXPECT_EQ(FormNormalizer(UnicodeForm::nfkd).normalized("\u32ff"), "\u32ff");  // newer than Unicode 11
  EXPECT_EQ(StripMarksNormalizer().normalized("e\xcc\x81"), "e");
  EXPECT_EQ(LowerCaseNormalizer().normalized("ÀΣ"), "àσ");
  EXPECT_EQ(PrependNormalizer("_").normalized("a"), "_a");
  EXPECT_EQ(PrependNormalizer("_").normalized(""), "");
  EXPECT_EQ(NmtNormalizer().normalized("a\x01\tb\u200bc"), "a b c");
  EXPECT_EQ(ReplaceNormalizer(Pattern::expression(" {2,}", "test"), " ").normalized("a   b c"), "a b c");
  EXPECT_EQ(ReplaceNormalizer(Pattern::text("``"), "\"").normalized("``a```"), "\"a\"`");
}

/// A double-array trie that holds "a" and nothing else, for which the string at 0 stands: unit 0 leads to unit 1 by
/// offset 1 ^ 'a' ...
std::string map_of_one_character(char from, const std::string& to) {
  const auto label = static_cast<std::uint32_t>(static_cast<unsigned char>(from));
  std::vector<std::uint32_t> units(256 + 1, 0x80000000U);
  units[0] = 1U << 10U;                              // children of the root at 1 ^ label
  units[1U ^ label] = label | 1U << 8U | 1U << 10U;  // has a value, at its own place ^ 1
  units[(1U ^ label) ^ 1U] = 0x80000000U;            // the value: offset 0
  const auto size = static_cast<std::uint32_t>(units.size() * sizeof(std::uint32_t));
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  bytes.append(reinterpret_cast<const char*>(units.data()), size);
  return bytes.append(to).append(1, '\0');
}

TEST(TextCharacterMap, ReplacesWhatIsInTheTable) {
  const CharacterMap map(map_of_one_character('a', "xy"), "test");
  EXPECT_EQ(map.normalized("banana"), "bxynxynxy");
  EXPECT_EQ(map.normalized("é b"), "é b");
  EXPECT_EQ(map.normalized("a\xcc\x81"), "xy");  // a letter and its mark are looked up together, by their beginning
  const std::string whole = map_of_one_character('a', "xy");
  for (const std::size_t size : {0U, 3U, 4U, 100U})
    expect_error(ErrorKind::invalid, {"test", "cut short"}, [&] { CharacterMap(whole.substr(0, size), "test"); });
  expect_error(ErrorKind::invalid, {"test", "UTF-8"}, [] { CharacterMap(map_of_one_character('a', "\xff"), "test"); });
}

TEST(TextCharacterMap, Base64) {
  EXPECT_EQ(decode_base64("aGVsbG8=", "test"), "hello");
  EXPECT_EQ(decode_base64("", "test"), "");
  expect_error(ErrorKind::invalid, {"test", "base64"}, [] { decode_base64("a-b", "test"); });
}

TEST(TextPreTokenizers, WhatBecomesOfDelimiters) {
  const auto cut = [](Delimiter delimiter, bool invert) {
    return split(PatternSplit(Pattern::text("-"), delimiter, invert), "a--b-c");
  };
  EXPECT_EQ(cut(Delimiter::removed, false), (Words{"a", "b", "c"}));
  EXPECT_EQ(cut(Delimiter::isolated, false), (Words{"a", "-", "-", "b", "-", "c"}));
  EXPECT_EQ(cut(Delimiter::contiguous, false), (Words{"a", "--", "b", "-", "c"}));
  EXPECT_EQ(cut(Delimiter::merged_with_previous, false), (Words{"a-", "-", "b-", "c"}));
  EXPECT_EQ(cut(Delimiter::merged_with_next, false), (Words{"a", "-", "-b", "-c"}));
  EXPECT_EQ(cut(Delimiter::removed, true), (Words{"-", "-", "-"}));  // matches that touch stay apart
  EXPECT_EQ(cut(Delimiter::isolated, true), (Words{"a", "-", "-", "b", "-", "c"}));
}

TEST(TextPreTokenizers, Metaspace) {
  Metaspace metaspace;
  metaspace.replacement = "_";
  EXPECT_EQ(split(metaspace, "a b  c"), (Words{"_a", "_b", "_", "_c"}));
  EXPECT_EQ(split(metaspace, " a"), Words{"_a"});
  metaspace.split_words = false;
  EXPECT_EQ(split(metaspace, "a b"), Words{"_a_b"});
  metaspace.prefix = Metaspace::Prefix::never;
  EXPECT_EQ(split(metaspace, "a b"), Words{"a_b"});
  metaspace.prefix = Metaspace::Prefix::first;
  std::vector<Word> later{{"a", true}, {"b", false}};
  metaspace.split(later);
  EXPECT_EQ(later[0].text, "_a");
  EXPECT_EQ(later[1].text, "b");
}

TEST(TextPreTokenizers, ByteLevelSpellsEveryByte) {
  std::string every;
  for (int byte = 0; byte < 256; ++byte) every += static_cast<char>(byte);
  const Words spelled = split(ByteLevel(false, false), every);
  ASSERT_EQ(spelled.size(), 1U);
  EXPECT_TRUE(is_utf8(spelled[0]));
  EXPECT_EQ(character_count(spelled[0]), 256U);
  EXPECT_EQ(split(ByteLevel(true, true), "don't  stop 42!\n"), (Words{"Ġdon", "'t", "Ġ", "Ġstop", "Ġ42", "!", "Ċ"}));
}

}  // namespace
}  // namespace tessera
