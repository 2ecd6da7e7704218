// Ops are called by their names in passes and tables: a name that no op has would be a rule that never holds.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "ops/op.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// What else is written like the name of an op: steps that stand for no node, and a prefix of names.
const std::set<std::string> other_words{"Convert", "QuantizeRows", "QuantizeTensor",
                                        "Reorder", "StrassenRows", "QLinear"};

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// The literals of a source that are written like the name of an op: a capital, a small letter, and letters or digits.
std::vector<std::string> words_like_ops(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = text.find('"'); begin != std::string::npos; begin = text.find('"', begin + 1)) {
    std::size_t end = begin + 1;
    while (end < text.size() && is_letter_or_digit(text[end])) ++end;
    const std::string word = text.substr(begin + 1, end - begin - 1);
    const bool capital = word.size() > 1 && word[0] >= 'A' && word[0] <= 'Z' && word[1] >= 'a' && word[1] <= 'z';
    if (capital && end < text.size() && text[end] == '"') words.push_back(word);
  }
  return words;
}

TEST(OpNames, EveryNameThatTheSourcesSpellIsThatOfAnOp) {
  std::size_t found = 0;
  for (const char* folder : {"graph", "passes", "quantize", "compile", "engine", "run"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(fs::path(TESSERA_SOURCES) / folder)) {
      if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
      for (const std::string& name : words_like_ops(text_of(entry.path()))) {
        ++found;
        EXPECT_TRUE(find_op(name) != nullptr || other_words.contains(name)) << name << " in " << entry.path();
      }
    }
  EXPECT_GT(found, 100U) << "the sources were not found or no word is like an op";
}

}  // namespace
}  // namespace tessera
